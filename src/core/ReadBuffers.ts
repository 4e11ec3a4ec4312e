/**
 * Memory that files are read into. Garbage of a megabyte each piles up between two collections, so memory that is given back
 * is used again.
 *
 * @since 0.1.0
 */
import { Buffer } from "node:buffer"

/** Smaller reads are not worth it. */
const SMALLEST = 2 ** 16
/** Lengths are rounded up to a multiple of this, so that blocks of almost one length share memory. */
const STEP = 2 ** 14
/** How many bytes wait to be used again, at most. */
const MOST = 2 ** 24

/** What was given out and can be given back. */
const given = new WeakSet<ArrayBufferLike>()
const free: Array<ArrayBuffer> = []
let waiting = 0

/** How many bytes wait to be used again. @since 0.1.0 */
export const bytesWaiting = (): number => waiting

/** Returns memory of `length` bytes, which hold anything. It need not be given back. @since 0.1.0 */
export const take = (length: number): Uint8Array<ArrayBuffer> => {
  if (length < SMALLEST) return allocated(length, length)
  const at = free.findLastIndex(({ byteLength }) => byteLength >= length && byteLength <= length * 1.25)
  const [found] = at === -1 ? [] : free.splice(at, 1)
  waiting -= found?.byteLength ?? 0
  const own =
    found === undefined ? allocated(Math.ceil(length / STEP) * STEP, length) : new Uint8Array(found, 0, length)
  given.add(own.buffer)
  return own
}

/** Not cleared, since all of it is written. */
const allocated = (room: number, length: number): Uint8Array<ArrayBuffer> => {
  const { buffer, byteOffset } = Buffer.allocUnsafeSlow(room)
  return new Uint8Array(buffer, byteOffset, length)
}

/**
 * Gives back the memory of bytes if it is from {@link take}; other memory is left alone. All views of it are empty from then
 * on, so that none of them shows what is read next.
 *
 * @since 0.1.0
 */
export const giveBack = ({ buffer }: Uint8Array): void => {
  if (!(buffer instanceof ArrayBuffer) || !given.delete(buffer)) return
  const own = structuredClone(buffer, { transfer: [buffer] })
  free.push(own)
  waiting += own.byteLength
  while (waiting > MOST) {
    const oldest = free.shift()
    waiting -= oldest?.byteLength ?? 0
    // At once, where the engine can.
    if (oldest !== undefined && "transfer" in oldest) oldest.transfer(0)
  }
}
