/**
 * Pieces of a block of lines that are decoded in one go.
 *
 * @since 0.1.0
 */

/** About so many bytes are decoded in one go: they stay in the processor's caches. @since 0.1.0 */
export const PIECE = 2 ** 17
const NEWLINE = 10

/** Where the piece that begins at a byte ends: at a newline, or at the end of the bytes. @since 0.1.0 */
export const pieceEnd = (bytes: Uint8Array, from: number): number => {
  const { length } = bytes
  if (from + PIECE >= length) return bytes[length - 1] === NEWLINE ? length - 1 : length
  const before = bytes.lastIndexOf(NEWLINE, from + PIECE)
  if (before >= from) return before
  const behind = bytes.indexOf(NEWLINE, from + PIECE)
  return behind === -1 ? length : behind
}
