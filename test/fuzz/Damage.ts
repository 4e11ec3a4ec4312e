/**
 * Damage to bytes, by a number: bits turned, ends cut, pieces lost, repeated or overwritten, numbers that lie.
 */

/** Numbers below a bound, the same for the same seed. */
export type Draw = (below: number) => number

/** A generator of its own for each case, so that a case can be repeated alone. */
export const drawOf = (...seeds: ReadonlyArray<number>): Draw => {
  let state = 0x9e3779b9
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return (value ^ (value >>> 14)) >>> 0
  }
  for (const seed of seeds) state = (Math.imul(state ^ seed, 0x85ebca6b) + next()) >>> 0
  return (below) => Math.floor((next() / 2 ** 32) * below)
}

export interface Damaged {
  readonly bytes: Uint8Array
  /** As a person reads it. */
  readonly what: string
  /** Whether bits were turned, and nothing else was done. */
  readonly isFlips: boolean
}

/** Numbers that sizes, counts and offsets lie by. */
const LIES = [0, 1, -1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, -0x80000000, 0x10000000]

/** Half of the damage is done to the last bytes, where footers are, or the first ones, where headers are. */
const EDGE = 4000

/** Damages a copy of bytes, of which there is at least one. */
export const damage = (sound: Uint8Array, draw: Draw): Damaged => {
  const bytes = sound.slice()
  const place = (): number => {
    const edge = Math.min(bytes.length, EDGE)
    const kind = draw(4)
    if (kind === 0) return bytes.length - 1 - draw(edge)
    return kind === 1 ? draw(edge) : draw(bytes.length)
  }
  const kind = draw(10)
  if (kind < 5) {
    const flips = Array.from({ length: 1 + draw(4) }, () => [place(), draw(8)] as const)
    for (const [at, bit] of flips) bytes[at] = (bytes[at] as number) ^ (1 << bit) // a place of theirs
    return { bytes, what: `bits ${flips.map(([at, bit]) => `${at}.${bit}`).join(", ")} turned`, isFlips: true }
  }
  if (kind < 7) {
    const length = draw(bytes.length)
    return { bytes: bytes.slice(0, length), what: `cut to ${length} bytes`, isFlips: false }
  }
  const at = place()
  const length = 1 + draw(Math.min(64, bytes.length - at))
  if (kind === 7) {
    const value = LIES[draw(LIES.length)] as number // below the length
    const view = new DataView(bytes.buffer)
    const width = [1, 2, 4, 8].filter((own) => at + own <= bytes.length).at(-1 - draw(2)) ?? 1
    for (let byte = 0; byte < width; byte++) view.setUint8(at + byte, byte < 4 ? value >> (8 * byte) : value >> 31)
    return { bytes, what: `${width} bytes from ${at} on say ${value}`, isFlips: false }
  }
  const head = bytes.subarray(0, at)
  const tail = bytes.subarray(at + length)
  const piece = bytes.subarray(at, at + length)
  if (kind === 8) {
    return { bytes: concat(head, tail), what: `${length} bytes from ${at} on lost`, isFlips: false }
  }
  return { bytes: concat(head, piece, piece, tail), what: `${length} bytes from ${at} on twice`, isFlips: false }
}

const concat = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(parts))
