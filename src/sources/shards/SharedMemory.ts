/**
 * How a thread comes by the memory in which a dataset's blocks are shared: it asks who has started it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { encodeHex } from "effect/Encoding"
import { sha256Stream } from "../../core/runtime.ts"
import * as GlobalMark from "../../patches/GlobalMark.ts"
import { SharedBlocks } from "./SharedBlocks.ts"
import type { Snapshot } from "./Snapshot.ts"

/** What memory is asked for. Threads that ask with one key share one memory. @since 0.1.0 */
export interface MemoryRequest {
  readonly key: string
  readonly blocks: number
  readonly bytes: number
  readonly keepsFinished: boolean
}

/** Gives the memory for a key, and the number of this thread; `undefined` if there is none. @since 0.1.0 */
export type MemoryProvider = (
  request: MemoryRequest
) => Promise<{ readonly buffer: SharedArrayBuffer; readonly thread: number } | undefined>

const MARK = "blocks"

/** Makes this thread share the blocks of the datasets that are opened in it from now on. @since 0.1.0 */
export const provide = (provider: MemoryProvider): void => GlobalMark.set(MARK, provider)

/** The memory for the blocks of these shards; `undefined` if nothing is shared here. @since 0.1.0 */
export const memoryFor = (
  format: string,
  { bytes: all, shards, starts }: Snapshot,
  bytes: number
): Effect.Effect<SharedBlocks | undefined> =>
  Effect.suspend(() => {
    const provider = GlobalMark.get(MARK)
    const blocks = starts.length - 1
    if (typeof provider !== "function" || blocks === 0) return Effect.succeed(undefined)
    const hash = sha256Stream()
    hash.update(JSON.stringify([format, bytes, blocks]))
    for (const { info } of shards) hash.update(JSON.stringify([info.location, info.size, info.version]))
    const request = { key: encodeHex(hash.digest()), blocks, bytes, keepsFinished: all <= bytes }
    return Effect.promise(async () => {
      // Only `provide` sets the mark.
      const given = await (provider as MemoryProvider)(request)
      return given === undefined ? undefined : new SharedBlocks(given.buffer, given.thread)
    })
  })
