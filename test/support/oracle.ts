/**
 * What the scheduler should deliver, by a plain loop: one batch after the other, one sample after the other, asking the
 * policy for one seed at a time. It shares the stages' bodies and the policy with the library, and nothing else.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Rng, SeedPolicy } from "../../src/index.ts"
import { type Coordinates, stageId } from "../../src/seeding/Coordinates.ts"
import { seedAt } from "../../src/seeding/Request.ts"
import {
  blocksOf,
  type Conditions,
  drawn,
  keeps,
  mapped,
  mixed,
  policyOf,
  type Recipe,
  samplerOf,
  type Traced
} from "./recipes.ts"

export interface Expected {
  readonly epoch: number
  readonly index: number
  readonly worker: number
  readonly indices: ReadonlyArray<number>
  readonly traces: ReadonlyArray<number>
}

/** All batches of a run, for one rank of a world. A rank of several delivers its share of a batch if it is empty, too. */
export const oracle = (
  recipe: Recipe,
  conditions: Conditions,
  rank = 0,
  world = 1,
  uneven: "pad" | "drop" | "error" = "error",
  /** Whether a sample of an index comes as far as the first stage. */
  survives: (index: number) => boolean = () => true
): ReadonlyArray<Expected> => {
  const policy = Effect.runSync(SeedPolicy.SeedPolicy.pipe(Effect.provide(policyOf(conditions))))
  const sampler = samplerOf(recipe)
  const ordered = sampler.count(recipe.size)
  const missing = (recipe.batchSize - (ordered % recipe.batchSize)) % recipe.batchSize
  // A padded epoch has its first samples again at its end.
  const count = uneven === "pad" ? ordered + missing : ordered
  // Of a stream it is known only at its end whether it was padded.
  const isPadded = uneven === "pad" && (missing > 0 || recipe.source === "stream")
  const dropLast = recipe.dropLast || uneven === "drop"
  const { workers } = conditions

  const rngAt = (at: Omit<Coordinates, "stage" | "distinct" | "world" | "workers" | "rank">, name: string) => {
    const request = {
      ...at,
      rank,
      world,
      workers,
      stage: stageId(name),
      distinct: sampler.distinct && !isPadded,
      indices: [at.index]
    }
    return Rng.make(seedAt(Either.getOrThrow(policy.seeds(request)), 0))
  }

  const result: Array<Expected> = []
  for (let epoch = 0; epoch < conditions.epochs; epoch++) {
    const none = { epoch, worker: 0, batch: 0, ordinal: 0, position: 0, index: 0 }
    const order = sampler.order(recipe.size, rngAt({ ...none, scope: "epoch" }, "sample"), blocksOf(recipe))
    const made = new Array<number>(workers).fill(0)
    for (let batch = 0; batch * recipe.batchSize < count; batch++) {
      const start = batch * recipe.batchSize
      const length = Math.min(recipe.batchSize, count - start)
      if (length < recipe.batchSize && dropLast) continue
      const worker = batch % workers
      const rows: Array<Traced> = []
      for (let place = 0; place < length; place++) {
        // Of the batch's places each rank has a run of neighbors.
        if (place < Math.floor((rank * length) / world) || place >= Math.floor(((rank + 1) * length) / world)) continue
        const position = start + place
        const index = order(position % ordered)
        const ordinal = made[worker] ?? 0
        made[worker] = ordinal + 1
        let sample: Traced | undefined = survives(index) ? { index, trace: [0] } : undefined
        for (const { kind, name } of recipe.stages) {
          if (sample === undefined) break
          const at = { scope: "sample" as const, epoch, worker, batch, ordinal, position, index }
          if (kind === "filter") sample = keeps(sample) ? sample : undefined
          else if (kind === "map" || kind === "mapEffect") sample = mapped(sample, epoch)
          else sample = drawn(sample, rngAt(at, name).word())
        }
        if (sample !== undefined) rows.push(sample)
      }
      if (rows.length === 0) {
        if (world > 1) result.push({ epoch, index: batch, worker, indices: [], traces: [] })
        continue
      }
      let traces = rows.flatMap(({ trace }) => trace)
      for (const name of recipe.behind) {
        const ordinal = Math.floor(batch / workers)
        const first = start + Math.floor((rank * length) / world)
        const at = {
          scope: "batch" as const,
          epoch,
          worker,
          batch,
          ordinal,
          position: first,
          index: order(first % ordered)
        }
        const word = rngAt(at, name).word()
        traces = traces.map((value) => mixed(value, word))
      }
      result.push({ epoch, index: batch, worker, indices: rows.map(({ index }) => index), traces })
    }
  }
  return result
}
