/**
 * Frames as lines of JSON, for people.
 *
 * @since 0.1.0
 */
import { shownJson } from "../core/Json.ts"
import type { Frame } from "./Frame.ts"

const encoder = new TextEncoder()

/** A frame as a line. @since 0.1.0 */
export const line = (frame: Frame): Uint8Array => {
  if (frame.kind === "alive") return encoder.encode("\n")
  const shown =
    frame.kind === "batch"
      ? { ...frame.batch, cursor: frame.cursor }
      : frame.kind === "begin"
        ? { begin: frame.cursor, batches: frame.batches }
        : frame.kind === "end"
          ? { end: frame.cursor }
          : { error: frame.tag, message: frame.message }
  return encoder.encode(`${shownJson(shown)}\n`)
}
