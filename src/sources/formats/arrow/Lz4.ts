/**
 * Decompresses LZ4 frames, whose length is known: Arrow says it before each buffer. After the frame format 1.6.3 and the block
 * format of the LZ4 project. 120 lines, since the runtimes have no LZ4, and the libraries for it on npm check neither bounds
 * nor lengths.
 *
 * @since 0.1.0
 */
import { AGAIN, Malformed } from "../Malformed.ts"

const MAGIC = 0x184d2204

const cut = (): Malformed => new Malformed(`a buffer compressed by lz4 is cut short or corrupt; ${AGAIN}`)

/** Returns the `length` bytes that a frame holds. Throws {@link Malformed} if it holds others. @since 0.1.0 */
export const lz4 = (bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> => {
  const output = new Uint8Array(length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 7 || view.getUint32(0, true) !== MAGIC) throw cut()
  const flags = view.getUint8(4)
  if (flags >> 6 !== 1) throw cut()
  const blockChecksum = (flags & 0x10) !== 0
  // Magic, flags, block size and checksum of the header; the length and the dictionary's number where it has them.
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0)
  let filled = 0
  for (;;) {
    if (at + 4 > bytes.length) throw cut()
    const header = view.getUint32(at, true)
    at += 4
    if (header === 0) break
    const size = header & 0x7fffffff
    if (at + size > bytes.length) throw cut()
    const block = bytes.subarray(at, at + size)
    if (header >>> 31 === 1) {
      if (filled + size > length) throw cut()
      output.set(block, filled)
      filled += size
    } else filled = decompressed(block, output, filled)
    at += size + (blockChecksum ? 4 : 0)
  }
  if (filled !== length) throw cut()
  return output
}

/** Returns how far `output` is filled after a block that begins at `start`. Matches may reach back into earlier blocks. */
const decompressed = (block: Uint8Array, output: Uint8Array, start: number): number => {
  const { length } = block
  const most = output.length
  let from = 0
  let to = start
  while (from < length) {
    const token = block[from++] as number // below the length
    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) {
        if (from >= length) throw cut()
        more = block[from++] as number // below the length
        literals += more
      }
    }
    if (from + literals > length || to + literals > most) throw cut()
    if (literals > 32) output.set(block.subarray(from, from + literals), to)
    else for (let at = 0; at < literals; at++) output[to + at] = block[from + at] as number // below both lengths
    from += literals
    to += literals
    // The last sequence of a block has no match.
    if (from === length) break
    if (from + 2 > length) throw cut()
    const back = (block[from] as number) | ((block[from + 1] as number) << 8) // below the length
    from += 2
    let matched = (token & 15) + 4
    if (matched === 19) {
      let more = 255
      while (more === 255) {
        if (from >= length) throw cut()
        more = block[from++] as number // below the length
        matched += more
      }
    }
    if (back === 0 || back > to || to + matched > most) throw cut()
    if (back >= matched && matched > 32) output.copyWithin(to, to - back, to - back + matched)
    // A match may overlap what it makes: byte by byte, then.
    else for (let at = 0; at < matched; at++) output[to + at] = output[to - back + at] as number // already made
    to += matched
  }
  return to
}
