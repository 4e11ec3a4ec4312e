/**
 * Unpacks zstd as it arrives, one frame after another.
 *
 * Each frame has a decompressor of its own, which is given a block at a time. Deno's stops after one frame, and if it
 * is given several blocks and one after the first is corrupt, throws where nobody can catch it; and none reports a frame that is
 * cut short.
 *
 * @since 0.1.0
 */
import * as zlib from "node:zlib"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { blockLength, frameHeaderLength, MAGIC } from "../formats/Zstd.ts"
import type { Pull } from "./Gunzip.ts"
import { type Unpacker, unpackerOf } from "./Unpacker.ts"

// Node before 22.15 has no such function, whatever the types of later versions say.
const create: typeof zlib.createZstdDecompress | undefined = zlib.createZstdDecompress

const WITHOUT =
  "this runtime does not unpack zstd in order: run it on Bun, Deno, or Node 22.15 and later; or read it by Dataset.open, frame by frame, where a large frame needs a higher memberBytes; or unpack it (zstd -dc)"

/** A frame that has begun. */
interface Frame {
  readonly unpacker: Unpacker
  readonly hasChecksum: boolean
  /** Whether its checksum comes next. */
  isAtChecksum: boolean
  readonly close: () => void
}

const begun = (make: typeof zlib.createZstdDecompress, hasChecksum: boolean): Frame => {
  const stream = make()
  return { unpacker: unpackerOf(stream), hasChecksum, isAtChecksum: false, close: () => stream.destroy() }
}

const CHECKSUM = 4

/**
 * Unpacks what `pull` gives, in memory that does not depend on how large a frame is. Fails with what the runtime says of bytes
 * that are corrupt, if a frame is cut short, and for bytes that are no frame.
 *
 * @since 0.1.0
 */
export const unzstd = <R>(pull: Pull<R>): Effect.Effect<Pull<R>, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const make = create
    if (make === undefined) return yield* Effect.fail(new Error(WITHOUT))
    let frame: Frame | undefined
    let held: Uint8Array = new Uint8Array(0)
    /** How many bytes of a skippable frame are left. */
    let skipped = 0
    let isOver = false
    yield* Effect.addFinalizer(() => Effect.sync(() => frame?.close()))

    const taken = (length: number): Uint8Array => {
      const own = held.subarray(0, length)
      held = held.subarray(length)
      return own
    }
    const unpack = (own: Frame, length: number, isLast: boolean): Effect.Effect<Uint8Array, Error> => {
      const written = own.unpacker.write(taken(length))
      if (!isLast) return written
      return Effect.flatMap(written, (first) =>
        Effect.map(own.unpacker.end, (rest) => {
          own.close()
          frame = undefined
          return rest.length === 0 ? first : Buffer.concat([first, rest])
        })
      )
    }
    /** What the bytes that are held give; `undefined` if more of them are needed first. */
    const step = (): Effect.Effect<Uint8Array, Error> | undefined => {
      if (skipped > 0) skipped -= taken(skipped).length
      if (held.length === 0) return undefined
      if (frame !== undefined) {
        const length = frame.isAtChecksum ? CHECKSUM : blockLength(held, 0)
        if (length === undefined || length > held.length) return undefined
        const isLast = frame.isAtChecksum || ((held[0] ?? 0) & 1) === 1
        if (!isLast || frame.isAtChecksum || !frame.hasChecksum) return unpack(frame, length, isLast)
        frame.isAtChecksum = true
        return unpack(frame, length, false)
      }
      if (held.length < 8) return undefined
      const view = new DataView(held.buffer, held.byteOffset, held.length)
      const magic = view.getUint32(0, true)
      if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
        skipped = view.getUint32(4, true)
        return Effect.succeed(taken(8).subarray(8))
      }
      if (magic !== MAGIC) return Effect.fail(new Error("bytes that are no zstd frame follow its zstd frames"))
      const descriptor = view.getUint8(4)
      const header = frameHeaderLength(descriptor)
      if (held.length < header) return undefined
      frame = begun(make, (descriptor & 4) !== 0)
      return unpack(frame, header, false)
    }
    const next: Pull<R> = Effect.suspend(() => {
      if (isOver) return Effect.succeed(undefined)
      const own = step()
      if (own !== undefined) return Effect.flatMap(own, (bytes) => (bytes.length === 0 ? next : Effect.succeed(bytes)))
      return Effect.flatMap(pull, (bytes) => {
        if (bytes !== undefined) {
          held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
          return next
        }
        isOver = true
        if (frame === undefined && held.length === 0 && skipped === 0) return Effect.succeed(undefined)
        return Effect.fail(new Error("its last zstd frame is cut short; fetch the shard again"))
      })
    })
    return next
  })
