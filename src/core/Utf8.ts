/**
 * Text and bytes in UTF-8, by the runtimes' own code.
 *
 * @since 0.1.0
 */
import { Buffer, isAscii, isUtf8 } from "node:buffer"

export { isAscii, isUtf8 }

/** Returns a function that returns the text between two offsets of `bytes`, which are UTF-8. @since 0.1.0 */
export const textsOf = (bytes: Uint8Array): ((start: number, end: number) => string) => {
  const own = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return (start, end) => own.toString("utf8", start, end)
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/** Returns the text of bytes, with a U+FFFD for what is not UTF-8. @since 0.1.0 */
export const textOf = (bytes: Uint8Array): string => decoder.decode(bytes)

/** Returns the text of bytes below 128, one character each. @since 0.1.0 */
export const asciiOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")

/** Returns a function that returns the text between two offsets of `bytes`, which are below 128. @since 0.1.0 */
export const asciiTextsOf = (bytes: Uint8Array): ((start: number, end: number) => string) => {
  const own = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return (start, end) => own.toString("latin1", start, end)
}
