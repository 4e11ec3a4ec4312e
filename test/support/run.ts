/**
 * Runs a recipe through the scheduler.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { type Batch, Scheduler, Workers } from "../../src/index.ts"
import type { PartialOptions } from "./options.ts"
import type { Expected } from "./oracle.ts"
import { type Columns, type Conditions, pipelineOf, policyOf, type Recipe } from "./recipes.ts"

/** A delivered batch in the oracle's form. */
export const plain = (batch: Batch.Batch<Columns>): Expected => ({
  epoch: batch.epoch,
  index: batch.index,
  worker: batch.worker,
  indices: Array.from(batch.indices),
  // A rank that has no rows at all does not know its columns.
  traces: batch.size === 0 && Object.keys(batch.columns).length === 0 ? [] : Array.from(batch.columns.trace.data)
})

export const layerOf = (conditions: Conditions) =>
  Layer.merge(policyOf(conditions), Workers.fibers({ workers: conditions.workers }))

/** All that a run delivers, and its digest. */
export const run = (recipe: Recipe, conditions: Conditions, options: PartialOptions = {}) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const loader = yield* Scheduler.open(pipelineOf(recipe), {
        epochs: conditions.epochs,
        digest: true,
        replay: true,
        ...options
      })
      const batches = Array.from(yield* Stream.runCollect(loader.stream), plain)
      return { batches, digest: yield* loader.digest, stats: yield* loader.stats }
    }).pipe(Effect.scoped, Effect.provide(layerOf(conditions)))
  )
