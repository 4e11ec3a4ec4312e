/**
 * The training's pipeline as a thread builds it: from the options that the main side sends. It loads little, since a thread
 * loads it while the model waits.
 */
import { type Columns, digitsOf, type Split } from "./Digits.ts"
import { type Loading, training } from "./Loading.ts"

/** What the pipeline depends on. */
export interface Source extends Loading {
  /** What the packaged digits are split by, as digits. */
  readonly split: string
  /**
   * The packaged digits, which the main side has read; or a folder with IDX files; or nothing, for the packaged digits of the
   * host that builds.
   */
  readonly data: Columns | string | undefined
}

/** Digits of this host, by modules that digits which are read already need not load. */
const read = async (folder: string | undefined, split: bigint): Promise<Split> => {
  const [{ BunContext }, { Effect }, { digits, files }] = await Promise.all([
    import("@effect/platform-bun"),
    import("effect"),
    import("./Packaged.ts")
  ])
  if (folder === undefined) return Effect.runPromise(Effect.provide(digits(split), BunContext.layer))
  return Effect.runPromise(Effect.provide(files(folder), BunContext.layer))
}

/** Called in each thread. */
export const pipeline = async ({ data, split, ...loading }: Source) => {
  const isRead = typeof data === "object"
  const { train } = isRead ? digitsOf(data, BigInt(split)) : await read(data, BigInt(split))
  return training(train, loading)
}
