/** The rival for the digest: SHA-256 alone, over the same bytes in one piece, in one call. */
import { createHash } from "node:crypto"

/** Hashes `bytes` so many times; gives that number. */
export const sha256 = (bytes: Uint8Array, times: number): number => {
  for (let time = 0; time < times; time++) createHash("sha256").update(bytes).digest()
  return times
}

/** The bytes of several arrays in one piece. */
export const joined = (arrays: ReadonlyArray<ArrayBufferView>): Uint8Array => {
  const all = new Uint8Array(arrays.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const { buffer, byteLength, byteOffset } of arrays) {
    all.set(new Uint8Array(buffer, byteOffset, byteLength), at)
    at += byteLength
  }
  return all
}
