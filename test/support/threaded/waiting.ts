/** A pipeline whose stage waits for what never comes. */
import * as Effect from "effect/Effect"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

export const waiting = Pipeline.from(Dataset.range(16)).pipe(
  Pipeline.mapEffect("wait", () => Effect.promise(() => new Promise<number>(() => setInterval(() => {}, 1000)))),
  Pipeline.batch(4)
)
