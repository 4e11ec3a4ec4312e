/**
 * Headers of tar: ustar, with an extended header of pax where a name is too long for it.
 *
 * @since 0.1.0
 */

const BLOCK = 512
const encoder = new TextEncoder()

/** How many bytes fill up the last block of a file. @since 0.1.0 */
export const fillOf = (size: number): number => -size & (BLOCK - 1)

/** What ends an archive: two empty blocks. @since 0.1.0 */
export const END = 2 * BLOCK

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, "0")}\0`

/** The largest size that eleven octal digits hold. */
const MOST_SIZE = 8 ** 11 - 1

const NAME = 100

const plain = (name: Uint8Array, size: number, type: string): Uint8Array => {
  const header = new Uint8Array(BLOCK)
  const text = (at: number, own: string): void => header.set(encoder.encode(own), at)
  header.set(name.subarray(0, NAME))
  // Files of no time, no owner: equal rows are equal bytes.
  text(100, octal(0o644, 8))
  text(108, octal(0, 8))
  text(116, octal(0, 8))
  text(124, octal(size > MOST_SIZE ? 0 : size, 12))
  text(136, octal(0, 12))
  text(148, "        ")
  text(156, type)
  text(257, "ustar\x0000")
  const sum = header.reduce((total, byte) => total + byte, 0)
  text(148, `${sum.toString(8).padStart(6, "0")}\0 `)
  return header
}

/** A record of pax, which begins with its own length. */
const record = (key: string, value: string): string => {
  const body = ` ${key}=${value}\n`
  const bytes = encoder.encode(body).length
  let length = bytes + 1
  while (String(length).length + bytes !== length) length = String(length).length + bytes
  return `${length}${body}`
}

/** The header of a file. @since 0.1.0 */
export const headerOf = (name: string, size: number): ReadonlyArray<Uint8Array> => {
  const bytes = encoder.encode(name)
  if (bytes.length <= NAME && size <= MOST_SIZE) return [plain(bytes, size, "0")]
  const records = [
    ...(bytes.length > NAME ? [record("path", name)] : []),
    ...(size > MOST_SIZE ? [record("size", String(size))] : [])
  ]
  const extended = encoder.encode(records.join(""))
  return [
    plain(encoder.encode("PaxHeaders/file"), extended.length, "x"),
    extended,
    new Uint8Array(fillOf(extended.length)),
    plain(bytes, size, "0")
  ]
}
