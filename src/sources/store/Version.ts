/**
 * Versions of objects: ETags, or times of modification, which begin with a `t`.
 *
 * @since 0.1.0
 */

const MILLION = 1_000_000n

/**
 * The version of a file: `t`, the time of modification in ms with the digits below that, and the number of the file. On
 * Deno, which gives whole milliseconds, there are no digits below.
 *
 * @since 0.1.0
 */
export const fileVersion = (mtimeNs: bigint, ino: bigint): string => {
  const [whole, below] = [mtimeNs / MILLION, mtimeNs % MILLION]
  const digits = below === 0n ? "" : `.${String(below).padStart(6, "0")}`
  return `t${whole}${digits}-${ino}`
}

const FILE = /^(t-?\d+)(\.\d{6})?(-\d+)$/

/** Whether two versions of a store are the same: one that an index keeps may have been taken on another runtime. @since 0.1.0 */
export const sameVersion = (one: string, other: string): boolean => {
  if (one === other) return true
  const [a, b] = [FILE.exec(one), FILE.exec(other)]
  if (a === null || b === null || a[1] !== b[1] || a[3] !== b[3]) return false
  return a[2] === undefined || b[2] === undefined
}
