/**
 * Checkpoints for code without Effect.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PlatformServices from "../PlatformServices.ts"
import { Session } from "../scheduler/Session.ts"
import { Checkpoint, type Entry, file, type Options, type Part, type Saved, type Service } from "./Checkpoint.ts"
import { CheckpointError } from "./CheckpointError.ts"
import { nodeFiles } from "./NodeFiles.ts"

/** Checkpoints in a folder, by promises. They reject with `CheckpointError`. @since 0.1.0 */
export interface OpenCheckpoints {
  /** Keeps a checkpoint; once it resolves, it is there. The `cursor` is `run.cursor`. */
  readonly save: (part: Part) => Promise<Entry>
  /** The newest that is whole, or `undefined` where none was ever kept. */
  readonly latest: () => Promise<Saved | undefined>
  /** All that are there, newest first, damaged ones included. */
  readonly list: () => Promise<ReadonlyArray<Entry>>
  /** Gives the folder free for other processes. */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const closed = (path: string): CheckpointError =>
  new CheckpointError({ kind: "io", path, wrong: "was closed", remedy: "open it again with Checkpoint.open" })

/**
 * Opens a folder of checkpoints, as {@link file} does, for code without Effect. It is locked until `close`. Rejects with
 * `InvalidOption`, or with `CheckpointError` (`locked`, `full`, `denied`, `io`).
 *
 * @example
 * import { mkdtempSync, rmSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { Checkpoint, Dataset, furrow, Pipeline, Sampler } from "furrow"
 *
 * const numbers = Pipeline.from(Dataset.range(100)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(10))
 * const directory = mkdtempSync(join(tmpdir(), "run-"))
 *
 * // Sums up some batches more at each start, and goes on from where it was.
 * const train = async (steps: number) => {
 *   await using checkpoints = await Checkpoint.open({ directory })
 *   const saved = await checkpoints.latest()
 *   await using run = furrow(numbers, { seed: 42, epochs: 1, from: saved?.cursor })
 *   let sum = Number(saved?.state.json ?? 0)
 *   for (let step = 0; step < steps; step++) {
 *     const batch = await run.take()
 *     if (batch === undefined) break
 *     sum = batch.columns.data.reduce((all, x) => all + x, sum)
 *     await checkpoints.save({ cursor: run.cursor, state: { json: sum } })
 *   }
 *   return sum
 * }
 * await train(3)
 * console.assert((await train(100)) === (100 * 99) / 2)
 * rmSync(directory, { recursive: true })
 *
 * @since 0.1.0
 */
export const open = async (options: Options & { readonly directory: string }): Promise<OpenCheckpoints> => {
  const layer = Layer.provide(file(options), Layer.succeed(PlatformServices.FileSystem, nodeFiles))
  const session = new Session(Checkpoint, layer)
  const use = async <A, E>(work: (service: Service) => Effect.Effect<A, E>): Promise<A> => {
    const exit = await session.use(work)
    if (exit === undefined) throw closed(options.directory)
    if (Exit.isSuccess(exit)) return exit.value
    throw Cause.squash(exit.cause)
  }
  try {
    await use(() => Effect.void)
  } catch (error) {
    await session.close()
    throw error
  }
  const close = () => session.close()
  return {
    save: (part) => use(({ save }) => save(part)),
    latest: async () => Option.getOrUndefined(await use(({ latest }) => latest)),
    list: () => use(({ list }) => list),
    close,
    [Symbol.asyncDispose]: close
  }
}
