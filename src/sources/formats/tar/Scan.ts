/**
 * The index of a tar, from one scan of its headers.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { plural } from "../../../core/Plural.ts"
import type { StoreError } from "../../store/Store.ts"
import { attempt, type Fault } from "../Fault.ts"
import type { Block, Shard, ShardError } from "../Format.ts"
import { isZero, type Window, windowOf } from "./Header.ts"
import { type Sample, Samples } from "./Samples.ts"
import { type Member, Walk } from "./Walk.ts"

/** Headers closer than this are read with what is between them: an object store sends it in the time of one request. */
const NEAR = 2 ** 18

/** What is read at once where headers are close, and where they are not. */
const CLOSE = 2 ** 20
const APART = 2 ** 15

/** Deals samples out to blocks. @since 0.1.0 */
export class Blocks {
  readonly #blocks: Array<Block> = []
  readonly #samples: Samples
  readonly #keys = new Set<string>()
  readonly #blockBytes: number
  readonly #fault: Fault
  #start = 0
  #rows = 0
  #end = 0

  constructor(blockBytes: number, fault: Fault) {
    this.#blockBytes = blockBytes
    this.#fault = fault
    this.#samples = new Samples(fault)
  }

  add(member: Member): void {
    const sample = this.#samples.add(member)
    if (sample !== undefined) this.#begin(sample)
    if (this.#rows > 0) this.#end = member.offset + member.size
  }

  #begin({ key, start }: Sample): void {
    if (this.#keys.has(key)) {
      const reason = `the files of sample ${JSON.stringify(key)} do not follow one another, or two samples have this key`
      throw this.#fault(`${reason}; write the tar again, sorted by name (tar --sort=name)`, { byte: start })
    }
    this.#keys.add(key)
    if (this.#rows > 0 && start - this.#start >= this.#blockBytes) {
      this.#end = start
      this.#close()
    }
    if (this.#rows === 0) this.#start = start
    this.#rows++
  }

  #close(): void {
    if (this.#rows === 0) return
    this.#blocks.push({ rows: this.#rows, offset: this.#start, length: this.#end - this.#start })
    this.#rows = 0
  }

  /** All blocks. Nothing may be added after that. */
  end(): ReadonlyArray<Block> {
    this.#close()
    return this.#blocks
  }
}

/** Returns the blocks of a shard whose first bytes are `start`. @since 0.1.0 */
export const scan = (
  shard: Shard,
  start: Uint8Array,
  blockBytes: number,
  fault: Fault
): Effect.Effect<ReadonlyArray<Block>, ShardError | StoreError> =>
  Effect.gen(function* () {
    const { size } = shard.info
    const walk = new Walk(0, size, fault)
    const blocks = new Blocks(blockBytes, fault)
    let window = windowOf(start, 0)
    for (;;) {
      const isOver = yield* attempt(() => walkWindow(walk, window, blocks))
      if (isOver) break
      const { at, needs } = walk
      if (at + needs > size) return yield* cutShort(at, size, fault)
      const isNear = at - (window.from + window.bytes.length) < NEAR
      const length = Math.min(Math.max(needs, isNear ? CLOSE : APART), size - at)
      window = windowOf(yield* shard.read(at, length), at)
    }
    // Behind the end there is nothing but zeros: a second archive would be lost silently.
    for (let at = walk.at; at < size; ) {
      const place = at - window.from
      const found = yield* attempt(() => checkRest(window.bytes, place, at, fault))
      at += found
      if (at < size) window = windowOf(yield* shard.read(at, Math.min(CLOSE, size - at)), at)
    }
    return blocks.end()
  })

/** Adds the files of a window to the blocks; returns whether the archive has ended. */
const walkWindow = (walk: Walk, window: Window, blocks: Blocks): boolean => {
  for (;;) {
    const member = walk.next(window)
    if (member === "more" || member === "end") return member === "end"
    blocks.add(member)
  }
}

/** The blocks of an archive that lies in memory. @since 0.1.0 */
export const scanBytes = (bytes: Uint8Array, blockBytes: number, fault: Fault): ReadonlyArray<Block> => {
  const walk = new Walk(0, bytes.length, fault)
  const blocks = new Blocks(blockBytes, fault)
  if (!walkWindow(walk, windowOf(bytes, 0), blocks)) throw cutShort(walk.at, bytes.length, fault)
  checkRest(bytes, walk.at, walk.at, fault)
  return blocks.end()
}

/** The error of an archive without an end. @since 0.1.0 */
export const cutShort = (at: number, size: number, fault: Fault): ShardError => {
  const reason =
    size === 0
      ? "it is empty, and even a tar without files has 1024 bytes"
      : `it ends after ${plural(size, "byte")}, without the block of zeros that ends a tar; it was cut short, fetch it again`
  return fault(reason, { byte: Math.min(at, size) })
}

/** Throws unless the rest of the bytes is zeros; returns how many there are. */
const checkRest = (bytes: Uint8Array, from: number, at: number, fault: Fault): number => {
  if (isZero(bytes, from, bytes.length)) return bytes.length - from
  const reason = "the archive ends here, and something else follows, such as another archive"
  throw fault(`${reason}; write them as one tar (tar --ignore-zeros), or as a shard each`, { byte: at })
}
