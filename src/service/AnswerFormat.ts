/**
 * How the frames of a run are written into an answer: as they are, as lines of JSON, or as an Arrow stream.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { ArrowStream } from "./ArrowStream.ts"
import { encode, encodedFrame, type Frame } from "./Frame.ts"
import { joined } from "./FrameBytes.ts"
import { line } from "./Ndjson.ts"

type Begin = Extract<Frame, { readonly kind: "begin" }>

/** @since 0.1.0 */
export interface AnswerWriter {
  /** Whether its first bytes describe the batches, so that the answer can begin only once there is one. */
  readonly needsFirst: boolean
  /** Whether its readers go on from their cursors if it ends before the run does. */
  readonly goesOn: boolean
  /** Whether it has written an error, after which nothing may follow. */
  readonly isBroken: boolean
  /** The first bytes of an answer. */
  readonly begin: Uint8Array
  /**
   * Returns what is written for an encoded frame, which may be nothing; the frame is read until the last piece was asked for.
   * Throws the reason if the answer cannot begin.
   */
  readonly write: (frame: Uint8Array<ArrayBuffer>) => Iterable<Uint8Array>
}

const NONE = new Uint8Array(0)

const frames = (begin: Begin): AnswerWriter => ({
  needsFirst: false,
  goesOn: true,
  isBroken: false,
  begin: encode(begin),
  write: (bytes) => [bytes]
})

const ndjson = (begin: Begin): AnswerWriter => ({
  needsFirst: false,
  goesOn: false,
  isBroken: false,
  begin: joined([...line(begin)]),
  write: (bytes) => line(encodedFrame(bytes))
})

const arrow = (begin: Begin): AnswerWriter => {
  const stream = new ArrowStream(begin)
  return {
    needsFirst: true,
    goesOn: false,
    get isBroken() {
      return stream.isBroken
    },
    begin: NONE,
    write: (bytes) => [stream.take(encodedFrame(bytes))]
  }
}

/** The formats of batches by name. @since 0.1.0 */
export const FORMATS = {
  frames: { contentType: "application/vnd.furrow.frames", writer: frames },
  ndjson: { contentType: "application/x-ndjson", writer: ndjson },
  arrow: { contentType: "application/vnd.apache.arrow.stream", writer: arrow }
} as const satisfies Readonly<
  Record<string, { readonly contentType: string; readonly writer: (begin: Begin) => AnswerWriter }>
>

/** @since 0.1.0 */
export type AnswerFormat = keyof typeof FORMATS

/** Reads the name of a format. Throws `InvalidOption`. @since 0.1.0 */
export const formatOf = (text: string | null): AnswerFormat => {
  if (text === null) return "frames"
  if (Object.hasOwn(FORMATS, text)) return text as AnswerFormat // one of its keys
  throw new InvalidOption({ option: "format", value: text, expected: `one of ${Object.keys(FORMATS).join(", ")}` })
}
