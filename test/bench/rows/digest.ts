/** The digest: the hash of a batch and its link of the chain, against SHA-256 alone over the same bytes. */
import { Effect, Layer, Option } from "effect"
import { Scheduler, SeedPolicy, Workers } from "../../../src/index.ts"
import { DigestChain } from "../../../src/scheduler/loader/DigestChain.ts"
import { ofColumns } from "../../../src/scheduler/plan/Digest.ts"
import { BATCH, batched } from "../loads/w1.ts"
import { type Contestant, interleaved } from "../measure.ts"
import { bar, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"
import { joined, sha256 } from "../rivals/sha256.ts"

/** Hashes a turn, by batch size. */
const TIMES = { [BATCH]: 200, 1: 20_000 } as const
const layer = Layer.merge(SeedPolicy.epochWorker({ seed: 1 }), Workers.fibers({ workers: 1 }))

/** The columns of W1's first batch. */
const columnsOf = (size: number) =>
  Effect.flatMap(Scheduler.open(batched(size), { epochs: 1, replay: true }), ({ take }) => take).pipe(
    Effect.map(Option.getOrThrow),
    Effect.map(({ columns }) => columns),
    Effect.scoped,
    Effect.provide(layer),
    Effect.runPromise
  )

const contestants = async (size: keyof typeof TIMES): Promise<readonly [ours: Contestant, theirs: Contestant]> => {
  const columns = await columnsOf(size)
  const bytes = joined(Object.values(columns).map(({ data }) => data))
  const chain = new DigestChain()
  const times = TIMES[size]
  return [
    {
      name: `Furrow's digest, batch of ${size}`,
      run: () => {
        for (let time = 0; time < times; time++) chain.add(ofColumns(columns))
        return times
      }
    },
    { name: `SHA-256, batch of ${size}`, run: () => sha256(bytes, times) }
  ]
}

const run = async ({ rounds, wants }: Request): Promise<Outcome> => {
  const sizes = [
    ["digest/sha256", BATCH, 0.8],
    ["digest/sha256 batch of 1", 1, undefined]
  ] as const
  const wanted = await Promise.all(
    sizes.filter(([key]) => wants(key)).map(async ([key, size, goal]) => ({ key, goal, of: await contestants(size) }))
  )
  const all = await interleaved(
    wanted.flatMap(({ of }) => [...of]),
    { rounds, warmFor: 500 }
  )
  return {
    charts: [
      {
        title: "Digest: batches of W1",
        unit: "batches",
        bars: wanted.flatMap(({ of: [ours, theirs] }) => [
          bar(found(all, ours.name), true),
          bar(found(all, theirs.name), false)
        ])
      }
    ],
    figures: wanted.map(({ goal, key, of: [ours, theirs] }) =>
      ratio(key, found(all, ours.name), found(all, theirs.name), goal)
    )
  }
}

export const digest: Row = { title: "The digest", keys: ["digest/sha256", "digest/sha256 batch of 1"], run }
