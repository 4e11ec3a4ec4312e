/**
 * A block of an object as a file: its bytes, then the CRC-32 of each 256 KiB of them. Every read checks what it reads, so what
 * a crash or a disk did to a file is found, and read from the store again.
 *
 * @since 0.1.0
 */
import type { FileHandle } from "node:fs/promises"
import { crc32 as plainCrc32 } from "../../../core/Crc32.ts"
import { files } from "../../../core/runtime.ts"

const CHUNK = 2 ** 18

/** Node before 20.15 has none. */
const native: ((bytes: Uint8Array | string) => number) | undefined = process.getBuiltinModule("node:zlib").crc32

const crc32 = native ?? plainCrc32

const trailerBytes = (size: number): number => Math.ceil(size / CHUNK) * 4

/** How many bytes a block of this size takes as a file. @since 0.1.0 */
export const fileBytes = (size: number): number => size + trailerBytes(size)

/** Of its name, too: a block under another's name is not that block. */
const sumOf = (bytes: Uint8Array, salt: number): number => (crc32(bytes) ^ salt) >>> 0

const saltOf = (name: string): number => crc32(new TextEncoder().encode(name))

/** The checksums of a block's bytes. */
const trailerOf = (name: string, bytes: Uint8Array): Uint8Array => {
  const trailer = new Uint8Array(trailerBytes(bytes.length))
  const view = new DataView(trailer.buffer)
  const salt = saltOf(name)
  for (let at = 0, place = 0; at < bytes.length; at += CHUNK, place += 4) {
    view.setUint32(place, sumOf(bytes.subarray(at, at + CHUNK), salt), true)
  }
  return trailer
}

/** Writes a block of this name to a new file. @since 0.1.0 */
export const write = async (path: string, name: string, bytes: Uint8Array): Promise<void> => {
  const handle = await files().open(path, "wx", 0o600)
  try {
    await whole(handle, bytes, 0)
    await whole(handle, trailerOf(name, bytes), bytes.length)
  } finally {
    await handle.close()
  }
}

const whole = async (handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> => {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
  }
}

/** Fills `bytes` from the file; `false` if it ends before. */
const filled = async (handle: FileHandle, bytes: Uint8Array, at: number): Promise<boolean> => {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, at + done)
    if (bytesRead === 0) return false
    done += bytesRead
  }
  return true
}

/**
 * Reads the bytes `from` up to `to` of a block of `size` bytes into `target`, which is as long. `false` if the file does not
 * hold what was written: its checksums differ, or it is cut.
 *
 * @since 0.1.0
 */
export const read = async (
  handle: FileHandle,
  name: string,
  size: number,
  from: number,
  to: number,
  target: Uint8Array
): Promise<boolean> => {
  const start = Math.floor(from / CHUNK) * CHUNK
  const end = Math.min(size, Math.ceil(to / CHUNK) * CHUNK)
  // What lies in whole chunks is read to where it belongs.
  const bytes = start === from && end === to ? target : new Uint8Array(end - start)
  const first = (start / CHUNK) * 4
  const sums = new Uint8Array(trailerBytes(end - start))
  // A whole block and its checksums are read in one go.
  const isRead = start === 0 && end === size && (await handle.readv([bytes, sums], 0)).bytesRead === size + sums.length
  if (!isRead && !((await filled(handle, bytes, start)) && (await filled(handle, sums, size + first)))) return false
  const view = new DataView(sums.buffer)
  const salt = saltOf(name)
  for (let at = 0, place = 0; at < bytes.length; at += CHUNK, place += 4) {
    if (view.getUint32(place, true) !== sumOf(bytes.subarray(at, at + CHUNK), salt)) return false
  }
  if (bytes !== target) target.set(bytes.subarray(from - start, to - start))
  return true
}
