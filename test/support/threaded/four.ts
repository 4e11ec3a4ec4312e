/** Pipelines whose modules and stages hand over values of Effect 4. */
import type * as Effect from "effect/Effect"
import * as Effect4 from "effect4"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

const four = Effect4.Effect.succeed(1) as unknown as Effect.Effect<number> // the types forbid it

export const pipeline = Pipeline.from(Dataset.range(8)).pipe(Pipeline.batch(4))

export const staged = Pipeline.from(Dataset.range(8)).pipe(
  Pipeline.mapEffect("four", () => four),
  Pipeline.batch(4)
)
