/**
 * Files that are packed in a way that is not read, told by their first bytes.
 *
 * @since 0.1.0
 */

/** The first bytes of each; `undefined` stands for any byte. */
const MAGIC: ReadonlyArray<readonly [name: string, ...bytes: ReadonlyArray<number | undefined>]> = [
  // The third byte is the size of its blocks, the six behind it begin the first one, or the end.
  ["bzip2", 0x42, 0x5a, 0x68, undefined, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59],
  ["xz", 0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  ["lz4", 0x04, 0x22, 0x4d, 0x18],
  ["lzop", 0x89, 0x4c, 0x5a, 0x4f],
  ["lzip", 0x4c, 0x5a, 0x49, 0x50, 0x01],
  ["compress", 0x1f, 0x9d],
  ["7-Zip", 0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]
]

const ZIP = [0x50, 0x4b, 0x03, 0x04]

const begins = (bytes: Uint8Array, magic: ReadonlyArray<number | undefined>): boolean =>
  magic.every((byte, place) => byte === undefined || bytes[place] === byte)

/**
 * Returns why a shard that begins with these bytes is not read; `undefined` if it is not packed in such a way. `others` is what
 * is read.
 *
 * @since 0.1.0
 */
export const packedReason = (bytes: Uint8Array, others: string): string | undefined => {
  if (begins(bytes, ZIP)) return "it is a ZIP archive, as .xlsx files are, too; unpack it, or export what it holds"
  const name = MAGIC.find(([, ...magic]) => begins(bytes, magic))?.[0]
  return name && `it is compressed by ${name}; unpack it, or compress it by ${others}`
}
