/**
 * Cursors of a small run, to be kept in checkpoints.
 */
import * as Effect from "effect/Effect"
import { type Cursor, Dataset, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../../src/index.ts"

const pipeline = Pipeline.from(Dataset.range(60)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("noise", (x, rng) => x + rng.double()),
  Pipeline.batch(7)
)

/** The cursors of a run from its start to its end. */
export const cursors: ReadonlyArray<Cursor.Cursor> = await Effect.gen(function* () {
  const loader = yield* Scheduler.open(pipeline, { epochs: 2, digest: true, replay: true })
  const all = [yield* loader.cursor]
  while ((yield* loader.take)._tag === "Some") all.push(yield* loader.cursor)
  return all
}).pipe(
  Effect.scoped,
  Effect.provide(SeedPolicy.elastic({ seed: 42 })),
  Effect.provide(Workers.fibers({ workers: 2 })),
  Effect.runPromise
)

/** The cursor behind some batch. */
export const cursorAt = (place: number): Cursor.Cursor => {
  const found = cursors[place % cursors.length]
  if (found === undefined) throw new Error("a run has at least one cursor")
  return found
}
