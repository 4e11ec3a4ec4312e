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
  /** The packaged digits, which the main side has read; or a folder with IDX files. */
  readonly data: Columns | string
}

/** The files of a folder, by modules that the packaged digits need not load. */
const read = async (folder: string): Promise<Split> => {
  const [{ BunContext }, { Effect }, { files }] = await Promise.all([
    import("@effect/platform-bun"),
    import("effect"),
    import("./Packaged.ts")
  ])
  return Effect.runPromise(Effect.provide(files(folder), BunContext.layer))
}

/** Called in each thread. */
export const pipeline = async ({ data, split, ...loading }: Source) => {
  const { train } = typeof data === "string" ? await read(data) : digitsOf(data, BigInt(split))
  return training(train, loading)
}
