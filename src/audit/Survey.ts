/**
 * The streams that a policy starts for a pipeline, with their coordinates.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { InvalidOption } from "../core/InvalidOption.ts"
import { shown } from "../core/Show.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import * as Rng from "../random/Rng.ts"
import { format } from "../random/Seed.ts"
import * as ProvidedPlan from "../scheduler/backends/ProvidedPlan.ts"
import * as Plan from "../scheduler/plan/Plan.ts"
import { requestAt, rowCoordinates } from "../scheduler/plan/SeedRequest.ts"
import type { Coordinates, CoordinatesError } from "../seeding/Coordinates.ts"
import { coordinates, epochRequest, type Request, type Seeds, seedAt } from "../seeding/Request.ts"
import { ask, reasonOf, refused, type Service } from "../seeding/Service.ts"

/** A stream, and where it is started. @since 0.1.0 */
export interface Started {
  readonly at: Coordinates
  /** Its start state as text. */
  readonly state: string
  readonly words: Uint32Array
}

/** What {@link survey} looks at. @since 0.1.0 */
export interface Extent {
  readonly epochs: number
  readonly workers: number
  readonly ranks: number
  readonly uneven: Plan.Uneven | undefined
  /** How many samples of each worker and epoch, from the first on. */
  readonly samples: number
  /** How many words of each stream. */
  readonly words: number
}

/** @since 0.1.0 */
export interface Survey {
  readonly policy: Service | undefined
  /** The order of each epoch that is drawn. */
  readonly orders: ReadonlyArray<Started>
  /** What stages draw from: for each sample and stage, or, where streams go on, for each worker. */
  readonly streams: ReadonlyArray<Started>
}

/** What a sampler throws where it is asked for its order, as an error: an audit is no run, and has no stage to blame. */
const asked = <A>(sampler: string, order: () => A): Effect.Effect<A, InvalidOption> =>
  Effect.try({
    try: order,
    catch: (thrown) =>
      thrown instanceof InvalidOption
        ? thrown
        : new InvalidOption({
            option: `the order of sampler ${sampler}`,
            value: undefined,
            expected: `one that can be asked for, but asking threw ${shown(thrown)}`
          })
  })

/**
 * Asks the pipeline's policy for all seeds of an extent, and starts them. No sample is read and no stage is run.
 *
 * @since 0.1.0
 */
export const survey = <A, E, R>(
  pipeline: Pipeline<A, E, R>,
  extent: Extent
): Effect.Effect<Survey, InvalidOption | CoordinatesError, R> =>
  Effect.gen(function* () {
    const orders: Array<Started> = []
    const streams: Array<Started> = []
    const carried = new Set<string>()
    let policy: Service | undefined

    const start = (own: Service, request: Request, seeds: Seeds, into: Array<Started>) => {
      const rows = seeds._tag === "Carried" ? 1 : request.indices.length
      for (let row = 0; row < rows; row++) {
        try {
          const seed = seedAt(seeds, row)
          const words = new Uint32Array(extent.words)
          const rng = Rng.make(seed)
          for (let index = 0; index < words.length; index++) words[index] = rng.word()
          into.push({ at: coordinates(request, row), state: format(seed), words })
        } catch (thrown) {
          return refused(own, request, reasonOf(thrown), row)
        }
      }
      return Either.void
    }

    for (let rank = 0; rank < extent.ranks; rank++) {
      const runPlan = yield* ProvidedPlan.make(pipeline, extent.workers, {
        rank,
        world: extent.ranks,
        uneven: extent.uneven
      })
      const own = runPlan.policy
      if (own === undefined) continue
      policy = own
      const sampling = pipeline.stages.find((stage) => stage._tag === "Sample")
      const sampler = sampling?.sampler.name ?? "sequential"
      const batching = pipeline.stages.findIndex((stage) => stage._tag === "Batch")
      for (let epoch = 0; epoch < extent.epochs; epoch++) {
        if (rank === 0 && sampling?.draws === true) {
          const request = epochRequest(sampling.id, epoch, { workers: extent.workers, world: extent.ranks })
          yield* start(own, request, yield* ask(own, request), orders)
        }
        const order = yield* yield* asked(sampler, () => runPlan.order(epoch))
        for (let worker = 0; worker < extent.workers; worker++) {
          let left = extent.samples
          for (let batch = worker; left > 0; batch += extent.workers) {
            const share = Plan.share(runPlan.plan, epoch, batch)
            if (share === undefined) break
            const { ordinal, position, size } = share
            const count = Math.min(size, left)
            if (count === 0) continue
            left -= count
            const indices = yield* asked(sampler, () =>
              Float64Array.from({ length: count }, (_, row) => order(position + row))
            )
            const rows = yield* asked(sampler, () => rowCoordinates(order, position, count))
            const at = { epoch, worker, batch, position, ordinal, indices, rows }
            for (const [place, stage] of pipeline.stages.entries()) {
              if (!stage.draws || stage._tag === "Sample") continue
              const scope = place < batching ? "sample" : "batch"
              const request = requestAt(runPlan, stage.id, scope, at)
              const seeds = yield* ask(own, request)
              if (seeds._tag === "Carried") {
                const stream = [own.carries === "run" ? 0 : epoch, rank, worker, seeds.slot].join()
                if (carried.has(stream)) continue
                carried.add(stream)
              }
              yield* start(own, request, seeds, streams)
            }
          }
        }
      }
    }
    return { policy, orders, streams }
  })
