/**
 * How the frames of a run are written into an answer: as they are, as lines of JSON, or as a stream of Arrow's.
 *
 * @since 0.1.0
 */
import { InvalidOption } from "../core/InvalidOption.ts"
import { ArrowStream } from "./ArrowStream.ts"
import { encode, type Frame, FrameReader } from "./Frame.ts"
import { line } from "./Ndjson.ts"

type Begin = Extract<Frame, { readonly kind: "begin" }>

/** @since 0.1.0 */
export interface AnswerWriter {
  /** Whether its first bytes say what the batches are like, so that one must be there before the answer begins. */
  readonly needsFirst: boolean
  /** What it wrote last is an error, behind which nothing may come. */
  readonly isBroken: boolean
  /** What an answer begins with. */
  readonly begin: Uint8Array
  /** The bytes of the frame that lies in some, of which there may be none. Throws why the answer cannot begin. */
  readonly write: (frame: Uint8Array<ArrayBuffer>) => Uint8Array
}

const NONE = new Uint8Array(0)

const frames = (begin: Begin): AnswerWriter => ({
  needsFirst: false,
  isBroken: false,
  begin: encode(begin),
  write: (bytes) => bytes
})

const ndjson = (begin: Begin): AnswerWriter => ({
  needsFirst: false,
  isBroken: false,
  begin: line(begin),
  write: (bytes) => {
    const [frame] = new FrameReader().take(bytes)
    return frame === undefined ? NONE : line(frame)
  }
})

const arrow = (begin: Begin): AnswerWriter => {
  const stream = new ArrowStream(begin)
  return {
    needsFirst: true,
    get isBroken() {
      return stream.isBroken
    },
    begin: NONE,
    write: (bytes) => {
      const [frame] = new FrameReader().take(bytes)
      return frame === undefined ? NONE : stream.take(frame)
    }
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
