/**
 * Law 4. Under the elastic policy batches depend on neither worker count nor world size: the global batch is the same.
 */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { oracle } from "../support/oracle.ts"
import { conditions, type Recipe, recipes } from "../support/recipes.ts"
import { run } from "../support/run.ts"

const TIME = 60_000

test(
  "one digest for 1, 2, 3 and 8 workers",
  async () => {
    await fc.assert(
      fc.asyncProperty(recipes(), conditions, async (recipe, own) => {
        const digests = new Set<string>()
        for (const workers of [1, 2, 3, 8]) {
          digests.add((await run(recipe, { ...own, policy: "elastic", workers })).digest)
        }
        expect(digests.size).toBe(1)
      }),
      { numRuns: 20 }
    )
  },
  TIME
)

test("under epochWorker another number of workers draws otherwise, once the workers differ in what they make", async () => {
  const recipe: Recipe = {
    size: 40,
    sampler: "shuffle",
    stages: [{ kind: "augment", name: "a" }],
    batchSize: 4,
    dropLast: false,
    behind: []
  }
  const own = { policy: "epochWorker", seed: 1, epochs: 1 } as const
  const [two, three] = [await run(recipe, { ...own, workers: 2 }), await run(recipe, { ...own, workers: 3 })]
  expect(two.digest).not.toBe(three.digest)
  expect(two.batches.map(({ indices }) => indices)).toEqual(three.batches.map(({ indices }) => indices))
})

test(
  "the ranks' shares, side by side, are the single rank's batches",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        // An order in lanes is dealt to ranks by lanes: test/sampling/ShuffleBlocks.test.ts.
        recipes({ samplers: ["sequential", "shuffle", "withReplacement", "weighted", "subset", "limited"] }),
        conditions,
        fc.constantFrom(1, 2, 3, 4, 6),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom("pad" as const, "drop" as const),
        async (base, own, world, share, uneven) => {
          // A stage behind batch mixes the rows of one rank, so it is no part of this law.
          const recipe: Recipe = { ...base, batchSize: share * world, dropLast: uneven === "drop", behind: [] }
          const elastic = { ...own, policy: "elastic" } as const
          const single = await run(recipe, elastic, { uneven })
          expect(single.batches).toEqual([...oracle(recipe, elastic, 0, 1, uneven)])
          const shares = []
          for (let rank = 0; rank < world; rank++) {
            const part = await run(recipe, { ...elastic, workers: 1 + (rank % 3) }, { rank, world, uneven })
            const expected = oracle(recipe, { ...elastic, workers: 1 + (rank % 3) }, rank, world, uneven)
            expect(part.batches).toEqual([...expected])
            shares.push(part.batches)
          }
          for (const whole of single.batches) {
            const parts = shares.flatMap((batches) =>
              batches.filter(({ epoch, index }) => epoch === whole.epoch && index === whole.index)
            )
            expect(parts.flatMap(({ indices }) => indices)).toEqual([...whole.indices])
            expect(parts.flatMap(({ traces }) => traces)).toEqual([...whole.traces])
          }
          const rows = (batches: typeof single.batches) => batches.reduce((sum, { indices }) => sum + indices.length, 0)
          expect(shares.reduce((sum, batches) => sum + rows(batches), 0)).toBe(rows(single.batches))
        }
      ),
      { numRuns: 25 }
    )
  },
  TIME
)
