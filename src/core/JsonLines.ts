/**
 * A runtime's own parser of lines of JSON.
 *
 * @since 0.1.0
 */

/** By Bun's manual. */
interface JsonLines {
  readonly parseChunk: (text: string | Uint8Array) => {
    readonly values: Array<unknown>
    readonly done: boolean
    readonly error: unknown
  }
}

/**
 * Parses values of JSON, each with a newline or the end behind it, in text or in bytes below 128; one may go over several lines.
 * `undefined` if any is wrong. Bun's takes three quarters of the time of `JSON.parse` for each line; others have none.
 *
 * @since 0.1.0
 */
export const parseJsonLines = ((): ((text: string | Uint8Array) => Array<unknown> | undefined) | undefined => {
  const lines = (globalThis as { readonly Bun?: { readonly JSONL?: JsonLines } }).Bun?.JSONL // where it is there
  return (
    lines &&
    ((text) => {
      const { done, error, values } = lines.parseChunk(text)
      return done && error === null ? values : undefined
    })
  )
})()
