/**
 * A store whose objects are kept on local disk, block by block, as they are read.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { sha256 } from "../../../core/runtime.ts"
import { isStatedBeyond, isTag } from "../http/Stated.ts"
import { schemeOf } from "../Location.ts"
import { inParts, within } from "../Routes.ts"
import type { StoreError } from "../StoreError.ts"
import type { ObjectInfo, StoreService } from "../StoreService.ts"
import { type BlockName, CacheFolder } from "./CacheFolder.ts"
import { sharedReads } from "./SharedReads.ts"

type Bytes = Uint8Array<ArrayBuffer>

/** @since 0.1.0 */
export interface CacheSettings {
  readonly directory: string
  readonly bytes: number
  readonly blockBytes: number
  readonly onFailure: "warn" | "error"
}

/** What is as near as the cache is not kept in it. */
const NEAR = new Set(["file", "memory"])

/** What a stream asks for at once, and how many such requests are under way ahead. */
const PART = 4 * 2 ** 20
const AHEAD = 8

/** A folder that failed is tried again after this time. */
const PAUSE_MS = 60_000

/** A range of a block, and where it goes. */
interface Piece {
  readonly block: BlockName
  readonly from: number
  readonly to: number
  readonly target: Uint8Array
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

/** The store `rest`, and what gives up the cache's reservations. @since 0.1.0 */
export const cachedStore = (
  rest: StoreService,
  { blockBytes, bytes, directory, onFailure }: CacheSettings
): { readonly store: StoreService; readonly close: Effect.Effect<void> } => {
  const folder = new CacheFolder(directory, bytes)
  const shared = sharedReads<Bytes, StoreError>()
  let isTold = false
  // A folder that cannot be written to can still be read.
  const pausedUntil = { read: 0, add: 0 }

  /** Runs work in the folder. If that fails, `otherwise` goes on without, with one warning; or it is the user's error. */
  const using = <A>(work: "read" | "add", run: () => Promise<A>, otherwise: A): Effect.Effect<A, StoreError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      now < pausedUntil[work]
        ? Effect.succeed(otherwise)
        : Effect.catchAll(
            // Only the folder throws, and only errors of a store.
            Effect.tryPromise({ try: run, catch: (error) => error as StoreError }),
            (error) => {
              if (onFailure === "error") return Effect.fail(error)
              pausedUntil[work] = now + PAUSE_MS
              if (isTold) return Effect.succeed(otherwise)
              isTold = true
              return Effect.as(
                Effect.logWarning(`the cache is not used, and reads go on from the store: ${error.message}`),
                otherwise
              )
            }
          )
    )

  /** The object as it is, in blocks of this length: a changed object has other blocks. */
  const keyOf = ({ location, size, version }: ObjectInfo): string =>
    hex(sha256(JSON.stringify([location, size, version, blockBytes]))).slice(0, 32)

  /** Without an ETag, what answers say is held against later ones of the same opening alone. */
  const openings = new WeakMap<ObjectInfo, number>()
  let opened = 0
  const openingOf = (info: ObjectInfo): string => {
    if (isTag(info.version)) return ""
    const known = openings.get(info) ?? opened++
    openings.set(info, known)
    return `-${known}`
  }

  const piecesOf = (info: ObjectInfo, offset: number, all: Bytes): ReadonlyArray<Piece> => {
    const key = keyOf(info)
    const end = offset + all.length
    const pieces: Array<Piece> = []
    for (let number = Math.floor(offset / blockBytes); number * blockBytes < end; number++) {
      const start = number * blockBytes
      const size = Math.min(blockBytes, info.size - start)
      const [from, to] = [Math.max(0, offset - start), Math.min(size, end - start)]
      const target = all.subarray(start + from - offset, start + to - offset)
      pieces.push({ block: { key, number, size }, from, to, target })
    }
    return pieces
  }

  /** A block that was not in the folder, from the store; it is in the folder then. */
  const fetched = (info: ObjectInfo, block: BlockName): Effect.Effect<Bytes, StoreError> => {
    const far = Effect.tap(rest.read(info, block.number * blockBytes, block.size), (own) =>
      isStatedBeyond(info) ? Effect.void : using("add", () => folder.add(block, own), undefined)
    )
    return shared(
      `${block.key}-${block.number}${openingOf(info)}`,
      Effect.suspend(() => {
        // Another read may have added it since this one looked.
        if (!folder.knows(block)) return far
        const own = new Uint8Array(block.size)
        return Effect.flatMap(
          using("read", () => folder.read(block, 0, block.size, own), false),
          (isThere) => (isThere ? Effect.succeed(own) : far)
        )
      })
    )
  }

  const read: StoreService["read"] = (info, offset, length) => {
    if (NEAR.has(schemeOf(info.location)) || info.version === "") return rest.read(info, offset, length)
    const beyond = within(info, offset, length)
    if (beyond !== undefined) return Effect.fail(beyond)
    return Effect.suspend(() => {
      // Blocks are kept by the version, which is not all that the server says.
      if (isStatedBeyond(info)) return rest.read(info, offset, length)
      const all = new Uint8Array(length)
      const pieces = piecesOf(info, offset, all)
      const known = using(
        "read",
        () => Promise.all(pieces.map(({ block, from, target, to }) => folder.read(block, from, to, target))),
        pieces.map(() => false)
      )
      return Effect.flatMap(known, (hits) => {
        const missing = pieces.filter((_, place) => hits[place] !== true)
        if (missing.length === 0) return Effect.succeed(all)
        // At once, so that a store that is far away joins them.
        const fill = Effect.forEach(
          missing,
          ({ block, from, target, to }) =>
            Effect.map(fetched(info, block), (own) => target.set(own.subarray(from, to))),
          { concurrency: "unbounded", discard: true }
        )
        return Effect.as(fill, all)
      })
    })
  }

  const part = blockBytes * Math.max(1, Math.floor(PART / blockBytes))
  const parts = inParts(read, part, AHEAD)
  return {
    store: {
      ...rest,
      read,
      stream: (info, offset) => (NEAR.has(schemeOf(info.location)) ? rest.stream(info, offset) : parts(info, offset))
    },
    close: Effect.promise(() => folder.close())
  }
}
