/**
 * Where in the caller's code a function of this library was called.
 *
 * @since 0.1.0
 */

/** A place in the caller's code, read only when it is asked for: to write a stack out takes some microseconds. @since 0.1.0 */
export interface CallSite {
  /** Such as `train (file:///app/train.ts:12:34)`. */
  readonly text: string
}

/** A function that a caller calls. */
type Door = (...given: never) => unknown

const UNKNOWN: CallSite = { text: "an unknown place" }

/** Engines that have it leave out all frames down to that of a function; it is part of no standard yet. */
const capture: ((target: object, below: Door) => void) | undefined = Error.captureStackTrace

/**
 * The place that called `door`, which is on the stack: the frames of this library lie above it, whether it is bundled
 * or not.
 *
 * @since 0.1.0
 */
export const callSite = (door: Door): CallSite => {
  if (capture === undefined) return UNKNOWN
  const target: { stack?: unknown } = {}
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 1
  try {
    capture(target, door)
  } finally {
    Error.stackTraceLimit = limit
  }
  return {
    get text() {
      const [, line] = /^\s*at (.*:\d+:\d+\)?)\s*$/m.exec(String(target.stack)) ?? []
      return line ?? UNKNOWN.text
    }
  }
}
