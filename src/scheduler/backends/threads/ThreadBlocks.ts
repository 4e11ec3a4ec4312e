/**
 * The memory in which the threads of a run share the blocks of shards: one for each dataset that they open.
 *
 * @since 0.1.0
 */
import { SharedBlocks } from "../../../sources/shards/SharedBlocks.ts"
import type { MemoryRequest } from "../../../sources/shards/SharedMemory.ts"

/** What a thread says that has opened shards, and would share their blocks. @since 0.1.0 */
export interface BlocksWanted {
  readonly _tag: "BlocksWanted"
  readonly request: MemoryRequest
}

/** What it is told: the memory for a key; `undefined` if none can be had. @since 0.1.0 */
export interface BlocksGiven {
  readonly _tag: "BlocksGiven"
  readonly key: string
  readonly memory: SharedArrayBuffer | undefined
}

/** @since 0.1.0 */
export class ThreadBlocks {
  readonly #threads: number
  readonly #memories = new Map<string, SharedBlocks | undefined>()

  constructor(threads: number) {
    this.#threads = threads
  }

  give({ request: { blocks, bytes, keepsFinished, key } }: BlocksWanted): BlocksGiven {
    if (!this.#memories.has(key)) {
      this.#memories.set(key, SharedBlocks.make({ blocks, bytes, keepsFinished, threads: this.#threads }))
    }
    return { _tag: "BlocksGiven", key, memory: this.#memories.get(key)?.buffer }
  }

  /** Clears up behind a thread that has ended. */
  release(thread: number): void {
    for (const memory of this.#memories.values()) memory?.release(thread)
  }
}
