/**
 * The training's pipeline as a thread builds it: from the options that the main side sends.
 */
import { BunContext } from "@effect/platform-bun"
import { Effect } from "effect"
import { digits, files } from "./Digits.ts"
import { type Loading, training } from "./Train.ts"

/** What the pipeline depends on. */
export interface Source extends Loading {
  /** What the packaged digits are split by, as digits. */
  readonly split: string
  /** A folder with IDX files instead of the packaged digits. */
  readonly data: string | undefined
}

/** Called in each thread. */
export const pipeline = ({ data, split, ...loading }: Source) =>
  Effect.gen(function* () {
    const { train } = yield* data === undefined ? digits(BigInt(split)) : files(data)
    return training(train, loading)
  }).pipe(Effect.provide(BunContext.layer), Effect.runPromise)
