/**
 * CRC-32, as ZIP and gzip have it. `node:zlib` has one, too, but Node 20 only from 20.15 on.
 *
 * @since 0.1.0
 */

/** By a byte: what it does to the upper bits that fall out with it. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/** The CRC-32 of these bytes, a whole number below 2^32. @since 0.1.0 */
export const crc32 = (bytes: Uint8Array): number => {
  let value = 0xffffffff
  for (let at = 0; at < bytes.length; at++) {
    value = (value >>> 8) ^ (TABLE[(value ^ (bytes[at] as number)) & 0xff] as number) // below the length; below 256
  }
  return (value ^ 0xffffffff) >>> 0
}
