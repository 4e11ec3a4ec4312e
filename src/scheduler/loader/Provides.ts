/**
 * Whether a layer has what a pipeline requires, as a type whose refusal reads as a sentence.
 *
 * @since 0.1.0
 */
import type * as Layer from "effect/Layer"
import type { SeedPolicy } from "../../seeding/SeedPolicy.ts"

/** A type that no value of a caller's has: the compiler says that it is missing, and shows the sentence. @since 0.1.0 */
export interface Refused<Sentence extends string> {
  readonly refused: Sentence
}

/** @since 0.1.0 */
export type NoSeed =
  Refused<"This pipeline draws random numbers, so it needs a seed: put SeedPolicy.epochWorker({ seed: 42 }) into the layer">

/** Any value where `ROut` has all of `R`; else a type that says what is missing. @since 0.1.0 */
export type Provides<R, ROut> = [Exclude<R, ROut>] extends [never]
  ? unknown
  : SeedPolicy extends Exclude<R, ROut>
    ? NoSeed
    : // What else is missing is a service of the caller's, whose name the compiler tells.
      Layer.Layer<R, unknown>
