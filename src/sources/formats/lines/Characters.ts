/**
 * Bytes of UTF-8, or the text that they are: what finds records looks for ASCII alone, which is the same in both.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export interface Characters {
  readonly length: number
  /** Where the ASCII character `code` comes next, from `from` on; -1 if it does not. */
  readonly indexOf: (code: number, from: number) => number
  readonly code: (at: number) => number | undefined
}

/** @since 0.1.0 */
export const ofBytes = (bytes: Uint8Array): Characters => ({
  length: bytes.length,
  indexOf: (code, from) => bytes.indexOf(code, from),
  code: (at) => bytes[at]
})

const ASCII = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code))

/** @since 0.1.0 */
export const ofText = (text: string): Characters => ({
  length: text.length,
  // Only ASCII is looked for.
  indexOf: (code, from) => text.indexOf(ASCII[code] as string, from),
  code: (at) => text.charCodeAt(at)
})
