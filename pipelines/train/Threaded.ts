/**
 * The training's pipeline as a thread builds it: from the options that the main side sends.
 */
import { BunContext } from "@effect/platform-bun"
import { Effect } from "effect"
import { type Columns, digits, files } from "./Digits.ts"
import { type Loading, training } from "./Loading.ts"

/** What the pipeline depends on. */
export interface Source extends Loading {
  /** What the packaged digits are split by, as digits. */
  readonly split: string
  /** The packaged digits, which the main side has read. */
  readonly columns: Columns | undefined
  /** A folder with IDX files instead of the packaged digits. */
  readonly data: string | undefined
}

/** Called in each thread. */
export const pipeline = ({ columns, data, split, ...loading }: Source) =>
  Effect.gen(function* () {
    const { train } = yield* data === undefined ? digits(BigInt(split), columns) : files(data)
    return training(train, loading)
  }).pipe(Effect.provide(BunContext.layer), Effect.runPromise)
