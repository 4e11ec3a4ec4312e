/**
 * A connection that carries frames both ways, with signs of life: one whose other side is silent is ended, also where the
 * network never says that it is gone.
 *
 * @since 0.1.0
 */
import type { BodyCompressor } from "../service/Compression.ts"
import {
  FrameBytesReader,
  joined,
  pieces,
  type ReaderOptions,
  type Received,
  withPacked
} from "../service/FrameBytes.ts"
import { FrameError, seal } from "../service/FrameLead.ts"
import type { Part } from "../service/WireValue.ts"
import type { ByteSocket } from "./Dial.ts"

/** Frames that are shorter than this are written together: a write costs more than their copy. */
const JOINED = 2 ** 16

/**
 * If a frame has begun and fewer bytes than this arrive per beat, for so many beats in a row, the connection has lost bytes: what
 * arrives are the heartbeats behind the frame, which its reader takes for the rest of it.
 */
const LEAST = 1024
const MOST_STALLED = 8

/**
 * The most bytes per write. Bun copies what the kernel does not accept of a write, which is all but a few MB: most of a batch of
 * 19 MB.
 */
const SLICE = 2 ** 19

/** @since 0.1.0 */
export interface FrameSocketOptions {
  /** How long the other side may be silent, in milliseconds. */
  readonly silence: number
  /** How often a sign of life is sent, in milliseconds. */
  readonly beat: number
  readonly reader?: ReaderOptions
  /** A frame came. What it throws ends the connection. */
  readonly came: (frame: Received) => void
  /** The connection has ended. `broke`: neither side had ended it on purpose. Called once. */
  readonly ended: (reason: string, broke: boolean) => void
}

/** @since 0.1.0 */
export class FrameSocket {
  readonly #socket: ByteSocket
  readonly #options: FrameSocketOptions
  readonly #reader: FrameBytesReader
  readonly #beat: ReturnType<typeof setInterval>
  /** Beats since the other side was heard. Counted, not timed: a process that was stopped, or blocked, hears first. */
  #quiet = 0
  /** Since the last beat: the bytes received, and whether a frame was completed. */
  #came = 0
  #hasEnded = false
  /** Beats in a row in which less than {@link LEAST} arrived of the current frame. */
  #stalled = 0
  /** The number of the next frame that is sent. */
  #number = 0
  #isPaused = false
  #hasSent = false
  #reason: string | undefined
  /** Whether this side ended it on purpose. */
  #isEnded = false
  #isOver = false
  /** The pieces of short frames that were sent in this turn, and who is to be told that they have left. */
  #waiting: Array<Uint8Array> = []
  #left: Array<() => void> = []
  #waitingBytes = 0
  /**
   * What is to be written, and who is to be told: a piece goes to the socket once the one before has left it. Runtimes copy
   * pieces that wait in a socket into one, which costs more than all else for large batches.
   */
  readonly #pieces: Array<{ readonly bytes: Uint8Array; readonly left: (() => void) | undefined }> = []
  #isWriting = false
  #isFinishing = false
  #compressor: BodyCompressor | undefined
  /** How many frames are being compressed. */
  #compressing = 0
  /** Bytes that were given to the socket and have not left it. */
  unsent = 0

  /** `socket` may still be connecting. */
  constructor(socket: ByteSocket, options: FrameSocketOptions) {
    this.#socket = socket
    this.#options = options
    this.#reader = new FrameBytesReader(options.reader, true)
    socket.setNoDelay()
    socket.on("data", (piece: Uint8Array) => this.#take(piece))
    socket.on("error", (error) => {
      this.#reason ??= error.message
    })
    socket.on("end", () => this.#break("it closed the connection"))
    socket.on("close", () => this.#over())
    this.#beat = setInterval(() => this.#onBeat(), options.beat)
    this.hold(false)
  }

  get isOver(): boolean {
    return this.#isOver || this.#socket.destroyed
  }

  /** From now on other frames are taken, and written elsewhere. */
  expect(options: ReaderOptions): void {
    this.#reader.options = options
  }

  /** From now on bodies are sent as zstd where that pays. */
  compress(compressor: BodyCompressor): void {
    this.#compressor = compressor
  }

  /** Sends a frame; its parts must stay as they are until `left` is called: they have left, or never will. */
  send(head: Readonly<Record<string, unknown>>, parts: ReadonlyArray<Part> = [], left?: () => void): void {
    if (this.isOver) {
      left?.()
      return
    }
    this.#hasSent = true
    const [first, ...body] = pieces(head, parts)
    const length = lengthOf(body)
    if (this.#compressor?.tries(length) === true) this.#pack(first, body, this.#compressor, left)
    else this.#put([first, ...body], left)
  }

  /** Sends a frame once its body was compressed, which happens beside other work: frames that are sent meanwhile leave first. */
  #pack(first: Uint8Array, body: ReadonlyArray<Uint8Array>, compressor: BodyCompressor, left?: () => void): void {
    const plain = joined(body)
    // It counts as unsent, so that nobody builds faster than is compressed.
    this.unsent += plain.length
    this.#compressing++
    compressor.compress(plain, (packed) => {
      this.#compressing--
      this.unsent -= plain.length
      if (this.isOver) left?.()
      else this.#put(packed === undefined ? [first, plain] : withPacked(first, packed), left)
    })
  }

  /** Writes a frame, or puts it with others that are to be written. */
  #put(all: readonly [Uint8Array, ...ReadonlyArray<Uint8Array>], left?: () => void): void {
    // Only now is it known which frame leaves before it.
    seal(all[0], this.#number++)
    const length = lengthOf(all)
    this.unsent += length
    const done = (): void => {
      this.unsent -= length
      left?.()
    }
    if (length < JOINED) {
      this.#waiting.push(...all)
      this.#left.push(done)
      this.#waitingBytes += length
      if (this.#waitingBytes >= JOINED) this.#flush()
      else if (this.#left.length === 1) queueMicrotask(() => this.#isWriting || this.#flush())
      return
    }
    this.#flush()
    const long = grouped(all).flatMap(sliced)
    long.forEach((piece, at) => this.#write(piece, at === long.length - 1 ? done : undefined))
  }

  #write(bytes: Uint8Array, left: (() => void) | undefined): void {
    this.#pieces.push({ bytes, left })
    if (!this.#isWriting) this.#next()
  }

  /** Writes the next piece; short frames that came meanwhile are written together. */
  #next(): void {
    if (this.#pieces.length === 0 && this.#left.length > 0) this.#collect()
    const piece = this.#pieces.shift()
    this.#isWriting = piece !== undefined
    if (piece === undefined) {
      if (this.#isFinishing && this.#compressing === 0) this.#socket.end()
      return
    }
    this.#socket.write(piece.bytes, () => {
      piece.left?.()
      if (!this.isOver) this.#next()
    })
  }

  /** Writes the short frames of this turn in one go. */
  #flush(): void {
    if (this.#left.length === 0) return
    this.#collect()
    if (!this.#isWriting) this.#next()
  }

  #collect(): void {
    const left = this.#left
    const bytes = joined(this.#waiting)
    this.#waiting = []
    this.#left = []
    this.#waitingBytes = 0
    this.#pieces.push({
      bytes,
      left: () => {
        for (const done of left) done()
      }
    })
  }

  /** Nothing more is read until {@link resume}; what is sent meanwhile stays with the sender. */
  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#quiet = 0
    this.#stalled = 0
    this.#socket.resume()
  }

  /** Whether the process stays alive for it. */
  hold(alive: boolean): void {
    if (alive) {
      this.#socket.ref()
      this.#beat.ref()
    } else {
      this.#socket.unref()
      this.#beat.unref()
    }
  }

  /** Ends it once what was sent has left. */
  finish(reason: string): void {
    this.#reason ??= reason
    this.#isFinishing = true
    this.#flush()
    if (!this.#isWriting && this.#compressing === 0) this.#socket.end()
  }

  /** Ends it at once, for a reason. */
  end(reason: string): void {
    if (this.#reason === undefined) this.#isEnded = true
    this.#break(reason)
  }

  #break(reason: string): void {
    this.#reason ??= reason
    this.#socket.destroy()
  }

  #take(piece: Uint8Array): void {
    this.#quiet = 0
    this.#came += piece.length
    try {
      for (const frame of this.#reader.take(piece)) {
        this.#hasEnded = true
        // What is behind the frame that ended it is of no interest.
        if (this.#socket.destroyed) return
        if (frame.head["kind"] !== "alive") this.#options.came(frame)
      }
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : "it sent what cannot be read"
      // A frame that was changed on its way does not mean that its sender failed.
      if (thrown instanceof FrameError && thrown.isDamage === true) this.#break(reason)
      else this.end(reason)
    }
  }

  #onBeat(): void {
    if (!this.#hasSent && this.unsent === 0 && !this.#socket.connecting) {
      this.send({ kind: "alive" })
    }
    this.#hasSent = false
    if (this.#isPaused) return
    this.#quiet++
    this.#count()
    const { beat, silence } = this.#options
    if (this.#quiet * beat > silence) {
      this.#break(`it has been silent for ${(this.#quiet - 1) * beat} ms`)
    } else if (this.#stalled > MOST_STALLED) {
      this.#break(`it has made no progress within a frame for ${MOST_STALLED * beat} ms: bytes were lost on the way`)
    }
  }

  /** Counts beats in which the current frame made no progress. */
  #count(): void {
    if (this.#came === 0) return
    const isStalled = this.#reader.isWithin && !this.#hasEnded && this.#came < LEAST
    this.#stalled = isStalled ? this.#stalled + 1 : 0
    this.#came = 0
    this.#hasEnded = false
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearInterval(this.#beat)
    // They never will leave it; what is being written is told of by the socket.
    for (const done of this.#left.splice(0)) done()
    for (const { left } of this.#pieces.splice(0)) left?.()
    this.#options.ended(this.#reason ?? "the connection broke", !this.#isEnded)
  }
}

const lengthOf = (all: ReadonlyArray<Uint8Array>): number => all.reduce((sum, { length }) => sum + length, 0)

/** A piece as pieces of at most {@link SLICE} bytes. */
const sliced = (piece: Uint8Array): ReadonlyArray<Uint8Array> =>
  piece.length <= SLICE
    ? [piece]
    : Array.from({ length: Math.ceil(piece.length / SLICE) }, (_, at) => piece.subarray(at * SLICE, (at + 1) * SLICE))

/** Pieces with neighbors that are short joined: a write costs more than their copy. */
const grouped = (all: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  const groups: Array<Uint8Array> = []
  let short: Array<Uint8Array> = []
  const flush = (): void => {
    if (short.length > 0) groups.push(short.length === 1 ? (short[0] as Uint8Array) : joined(short)) // its only one
    short = []
  }
  for (const piece of all) {
    if (piece.length < JOINED) short.push(piece)
    else {
      flush()
      groups.push(piece)
    }
  }
  flush()
  return groups
}
