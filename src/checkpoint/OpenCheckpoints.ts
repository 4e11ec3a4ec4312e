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
import * as PlatformServices from "../core/PlatformServices.ts"
import { LazyResource } from "../scheduler/loader/LazyResource.ts"
import { CheckpointError } from "./CheckpointError.ts"
import { folder, type Options, type RankOptions } from "./Layers.ts"
import { nodeFiles } from "./NodeFiles.ts"
import type { Entry, Manager, Saved } from "./Service.ts"
import * as Snapshot from "./Snapshot.ts"

/**
 * Checkpoints in a folder, by methods that return promises. They reject with `CheckpointError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenCheckpoints {
  /**
   * Saves a checkpoint; once it resolves, the checkpoint is stored. The `cursor` is `run.cursor`. The state is copied before
   * `save` returns its promise: the next step may change it while the checkpoint is written.
   */
  readonly save: (snapshot: Snapshot.Snapshot) => Promise<Entry>
  /** The newest valid checkpoint, or `undefined` if none was ever saved. */
  readonly latest: () => Promise<Saved | undefined>
  /** All checkpoints, newest first, damaged ones included. */
  readonly list: () => Promise<ReadonlyArray<Entry>>
  /** Unlocks the folder for other processes. */
  readonly close: () => Promise<void>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const closed = (path: string): CheckpointError =>
  new CheckpointError({ kind: "io", path, wrong: "was closed", remedy: "open it again with Checkpoint.open" })

/**
 * Opens a folder of checkpoints, as {@link file} does, for code without Effect. The folder is locked until `close`. Rejects
 * with `InvalidOption`, or with `CheckpointError` (`locked`, `full`, `denied`, `io`).
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
 * // Adds some more batches to a sum at each start, from where the last start stopped.
 * const train = async (steps: number) => {
 *   const checkpoints = await Checkpoint.open({ directory })
 *   const saved = await checkpoints.latest()
 *   const run = furrow(numbers, { seed: 42, epochs: 1, from: saved?.cursor })
 *   let sum = Number(saved?.state.json ?? 0)
 *   for (let step = 0; step < steps; step++) {
 *     const batch = await run.take()
 *     if (batch === undefined) break
 *     sum = batch.columns.data.reduce((all, x) => all + x, sum)
 *     await checkpoints.save({ cursor: run.cursor, state: { json: sum } })
 *   }
 *   await run.close()
 *   await checkpoints.close()
 *   return sum
 * }
 * await train(3)
 * console.assert((await train(100)) === (100 * 99) / 2)
 * rmSync(directory, { recursive: true })
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = async (
  options: Options & RankOptions & { readonly directory: string }
): Promise<OpenCheckpoints> => {
  const session = new LazyResource(folder(options), Layer.succeed(PlatformServices.FileSystem, nodeFiles))
  const use = async <A, E>(work: (manager: Manager) => Effect.Effect<A, E>): Promise<A> => {
    const exit = await session.use(work)
    if (exit === undefined) throw closed(options.directory)
    if (Exit.isSuccess(exit)) return exit.value
    throw Cause.squash(exit.cause)
  }
  try {
    await use(() => Effect.void)
  } catch (error) {
    await session.abandon()
    throw error
  }
  const close = () => session.close()
  return {
    save: async (snapshot) => {
      const taken = Snapshot.take(snapshot)
      return use(({ write }) => write(taken))
    },
    latest: async () => Option.getOrUndefined(await use(({ latest }) => latest)),
    list: () => use(({ list }) => list),
    close,
    [Symbol.asyncDispose]: close
  }
}
