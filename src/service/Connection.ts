/**
 * A trainer's connection to a service: frames from a cursor on, and a new connection wherever one breaks.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import { isRecord } from "../core/Record.ts"
import { printable } from "../core/Show.ts"
import type { Cursor } from "../scheduler/loader/Cursor.ts"
import { shown } from "../sources/store/Location.ts"
import type { Compression } from "./Compression.ts"
import { Download } from "./Download.ts"
import { type Frame, FrameError, FrameReader, placeOf } from "./Frame.ts"
import { cursorText, type RunSpec, toQuery } from "./RunSpec.ts"

/**
 * A service cannot be reached, refuses the request, or its run failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServiceError extends Data.TaggedError("ServiceError")<{
  /** The address of the service, without a user and a password. */
  readonly url: string
  /**
   * `unreachable`: no answer, or a connection that broke, after all attempts; `refused`: the service answers, but does not
   * serve this request; `run`: the run itself failed there.
   */
  readonly kind: "unreachable" | "refused" | "run"
  /** The tag of the service's own error, if it sent one. */
  readonly tag?: string
  readonly reason: string
  readonly cause?: unknown
}> {
  override get message(): string {
    const what = { unreachable: "cannot be reached", refused: "refuses", run: "has a run that failed" }
    return `the service at ${this.url} ${what[this.kind]}: ${this.reason}`
  }
}

/** @since 0.1.0 */
export interface Target {
  readonly url: string
  readonly spec: RunSpec
  readonly token: Redacted.Redacted | undefined
  /** How long a connection may be silent before it is closed: a service sends signs of life. */
  readonly silence: Duration.Duration
  readonly attempts: Schedule.Schedule<unknown>
  readonly longestBody: number
  readonly compression: Compression
  /** The authority that is trusted besides the system's, as PEM. */
  readonly ca: string | undefined
}

/** What is received: where the run begins, a batch, or the run's end. @since 0.1.0 */
export type Received = Extract<Frame, { readonly kind: "begin" | "batch" | "end" }>

/** How a service is tried again by default. @since 0.1.0 */
export const ATTEMPTS: Schedule.Schedule<unknown> = Schedule.exponential("100 millis").pipe(
  Schedule.union(Schedule.spaced("5 seconds")),
  Schedule.jittered,
  Schedule.intersect(Schedule.recurUpTo("2 minutes"))
)

/** What runtimes say of a certificate that is not trusted, or is for another name. */
const OTHER_NAME = "ERR_TLS_CERT_ALTNAME_INVALID"
const UNTRUSTED: ReadonlySet<unknown> = new Set([
  OTHER_NAME,
  "CERT_HAS_EXPIRED",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
])

const isUntrusted = (cause: unknown): cause is Error & { readonly code: unknown } =>
  cause instanceof Error && "code" in cause && UNTRUSTED.has(cause.code)

/** A frame that arrives at fewer bytes per second is stalled; heartbeats alone are fewer. */
const LEAST_BYTES = 100

/** One connection at a time. @since 0.1.0 */
export class Connection {
  readonly #target: Target
  #cursor: Cursor | undefined
  #download: Download | undefined
  /** Ends a connection whose answer has not begun. */
  #opening: AbortController | undefined
  #frames: Generator<Frame, void> | undefined
  #reader = new FrameReader()
  /** The place after the last frame that arrived. */
  #place: string | undefined
  /** Whether the `begin` frame of this connection has come. */
  #isBegun = false
  /** Milliseconds waited, and bytes received, since a frame was completed or last made progress. */
  #waited = 0
  #cameBytes = 0
  /** What {@link ready} has thrown. */
  #thrown: { readonly thrown: unknown } | undefined
  /** The last frame that arrived, until it is passed. */
  #came: Received | undefined
  /** Why the last connection failed. */
  #last: ServiceError | undefined
  /** The attempts since the last batch. */
  #attempts: Schedule.ScheduleDriver<unknown> | undefined
  /** Connections since the last batch on which something arrived that is not a frame. */
  #malformed = 0
  /** Whether an attempt to connect has failed since the last batch, and since the last warning of it. */
  #isUnopened = false
  #isWarned = false
  /** Connections that broke. */
  broken = 0

  constructor(target: Target, from: Cursor | undefined) {
    this.#target = target
    this.#cursor = from
  }

  /**
   * The next frame, until it is passed. If the connection breaks, connects again after the last batch; the stream then starts
   * with a `begin` frame again. An interrupt takes nothing.
   */
  readonly next: Effect.Effect<Received, ServiceError> = Effect.suspend(() =>
    Effect.catchIf(
      this.#attempt,
      (error) => this.#isWorthAnother(error),
      (error) => this.#again(error)
    )
  )

  /** The schedule, which logs once what it tries again after, if it does. */
  get #toldAttempts(): Schedule.Schedule<unknown> {
    const { attempts } = this.#target
    return Schedule.onDecision(attempts, (_, decision) => {
      // A connection that breaks and is opened again at once is worth no warning; minutes of silence look like a hang.
      if (!this.#isUnopened || this.#isWarned || ScheduleDecision.isDone(decision)) return Effect.void
      this.#isWarned = true
      const forHowLong = attempts === ATTEMPTS ? "for 2 minutes" : "as the option attempts says"
      return Effect.logWarning(`${this.#last?.message}; trying again, ${forHowLong}`)
    })
  }

  /** A certificate that was not trusted at first will not be in 2 minutes. */
  #isWorthAnother({ cause, kind }: ServiceError): boolean {
    return kind === "unreachable" && !(isUntrusted(cause) && this.#place === undefined)
  }

  /** Reconnects. Only a batch resets the schedule, so connections that break before their first batch use it up. */
  #again(error: ServiceError): Effect.Effect<Received, ServiceError> {
    return Effect.gen(this, function* () {
      const driver = this.#attempts ?? (yield* Schedule.driver(this.#toldAttempts))
      this.#attempts = driver
      this.#last = error
      // Waits for the delay of the schedule.
      yield* Effect.mapError(driver.next(error), () => {
        this.#attempts = undefined
        this.#isWarned = false
        return error
      })
      return yield* this.next
    })
  }

  /** The last frame has been delivered: `next` gives the one after it. */
  pass(): void {
    const came = this.#came
    if (came !== undefined && came.kind !== "end") this.#cursor = came.cursor
    // A run that breaks before its first batch has made no progress.
    if (came?.kind !== "begin") {
      this.#attempts = undefined
      this.#malformed = 0
      this.#isUnopened = false
      this.#isWarned = false
    }
    this.#came = undefined
  }

  /** Continues from another cursor. */
  moveTo(cursor: Cursor): void {
    this.#drop()
    this.#cursor = cursor
  }

  readonly close: Effect.Effect<void> = Effect.sync(() => this.#drop())

  #drop(): void {
    this.#opening?.abort()
    this.#opening = undefined
    this.#download?.close()
    this.#download = undefined
    this.#came = undefined
    this.#thrown = undefined
    this.#frames = undefined
    this.#isBegun = false
    this.#goesOn()
    const { compression, longestBody } = this.#target
    this.#reader = new FrameReader(longestBody, compression)
  }

  // Pieces in flight are lost with the connection; they are sent again from the cursor on.
  readonly #attempt: Effect.Effect<Received, ServiceError> = Effect.suspend(() =>
    Effect.onError(this.#received, () => Effect.sync(() => this.#drop()))
  )

  /** The cursor advances only when a batch is passed on, so an interrupted take delivers the same batch again. */
  readonly #received: Effect.Effect<Received, ServiceError> = Effect.suspend(() => {
    const ready = this.ready()
    if (ready !== undefined) return Effect.succeed(ready)
    if (this.#thrown !== undefined) return Effect.fail(this.#failed(this.#thrown.thrown))
    return Effect.zipRight(this.#download === undefined ? this.#opened : this.#more, this.#received)
  })

  /** Waits until more of the body has come. */
  readonly #more: Effect.Effect<void, ServiceError> = Effect.async((resume) => {
    const download = this.#download
    if (download === undefined) return resume(Effect.void)
    const begun = performance.now()
    const silent = setTimeout(
      () => resume(this.#silent),
      Math.max(0, Duration.toMillis(this.#target.silence) - this.#waited)
    )
    download.wake = () => {
      clearTimeout(silent)
      this.#waited += performance.now() - begun
      resume(Effect.void)
    }
    if (download.hasCome) download.wake()
    return Effect.sync(() => {
      clearTimeout(silent)
      download.wake = undefined
    })
  })

  readonly #opened: Effect.Effect<void, ServiceError> = Effect.suspend(() =>
    Effect.timeoutFail(Effect.tryPromise({ try: () => this.#connect(), catch: (cause) => this.#failed(cause) }), {
      duration: this.#target.silence,
      onTimeout: () => this.#unreachable(this.#silence)
    }).pipe(
      Effect.tapError(() =>
        Effect.sync(() => {
          this.#isUnopened = true
        })
      )
    )
  )

  get #silence(): string {
    const what = this.#cameBytes === 0 ? "it has been silent" : "it has made no progress within a frame"
    return `${what} for ${Duration.format(this.#target.silence)}`
  }

  /** If bytes were lost, the reader takes the heartbeats behind them for the rest of a frame, so they do not count as progress. */
  #take(piece: Uint8Array): Generator<Frame, void> {
    this.#cameBytes += piece.length
    const least = (LEAST_BYTES * Duration.toMillis(this.#target.silence)) / 1000
    if (!this.#reader.isWithin || this.#cameBytes >= least) this.#goesOn()
    return this.#reader.take(piece)
  }

  #goesOn(): void {
    this.#waited = 0
    this.#cameBytes = 0
  }

  readonly #silent: Effect.Effect<never, ServiceError> = Effect.suspend(() =>
    Effect.fail(this.#unreachable(this.#silence))
  )

  /** What comes next, if it has arrived: as {@link next}, without an effect. */
  ready(): Received | undefined {
    if (this.#came !== undefined) return this.#came
    try {
      this.#came = this.#arrived()
    } catch (thrown) {
      // `next` tells it, and connects again where that helps.
      this.#thrown = { thrown }
    }
    return this.#came
  }

  /** The next frame of the pieces that have arrived. */
  #arrived(): Received | undefined {
    if (this.#thrown !== undefined) throw this.#thrown.thrown
    for (;;) {
      const frame = this.#frames?.next()
      if (frame !== undefined && frame.done !== true) {
        const { value } = frame
        this.#goesOn()
        if (value.kind === "alive") continue
        if (value.kind === "error") throw this.#error("run", value.message, value.tag)
        if (!this.#isBegun && value.kind !== "begin") {
          throw new FrameError({ reason: "a run does not begin with it", isLasting: true })
        }
        this.#isBegun = true
        if (value.kind !== "begin" && value.after !== undefined && value.after !== this.#place) {
          throw new FrameError({ reason: "a batch was lost or came twice on the way" })
        }
        this.#place = placeOf(value.cursor)
        return value
      }
      const piece = this.#download?.take()
      if (piece === undefined) {
        if (this.#download?.isOver === true) throw new FrameError({ reason: "the connection ended before the run did" })
        return undefined
      }
      this.#frames = this.#take(piece)
    }
  }

  async #connect(): Promise<void> {
    this.#drop()
    const { ca, compression, spec, token, url } = this.#target
    const query = toQuery(spec)
    if (compression !== "none") query.set("compression", compression)
    if (this.#cursor !== undefined) query.set("from", cursorText(this.#cursor))
    const opening = new AbortController()
    this.#opening = opening
    const headers = token === undefined ? {} : { authorization: `Bearer ${Redacted.value(token)}` }
    const download = await Download.open(new URL(`batches?${query}`, url), headers, opening.signal, ca)
    // An answer may begin and never end: then nobody waits for it any more, and its connection must not stay.
    opening.signal.addEventListener("abort", () => download.close())
    if (opening.signal.aborted) {
      download.close()
      throw new FrameError({ reason: "the connection was given up" })
    }
    if (download.status !== 200) {
      const { reason, tag } = await refusalOf(download)
      download.close()
      // The run cannot be opened: the service itself says so, not what stands before it.
      if (download.status === 500 && tag !== undefined) throw this.#error("run", reason, tag)
      // It may have room, or be back, in a moment.
      if (download.status >= 500) throw this.#error("unreachable", reason, tag)
      throw this.#error("refused", reason, tag)
    }
    this.#download = download
  }

  #failed(cause: unknown): ServiceError {
    if (cause instanceof ServiceError) return cause
    this.broken++
    // A frame that was changed on the way will arrive intact the next time.
    if (cause instanceof FrameError && cause.isLasting === true && ++this.#malformed >= MOST_MALFORMED)
      return this.#error("run", cause.message, cause._tag)
    const reason = cause instanceof Error ? cause.message : String(cause)
    const way = "trust a certificate of your own by the option tls: { ca }"
    return this.#unreachable(isUntrusted(cause) && cause.code !== OTHER_NAME ? `${reason}; ${way}` : reason, cause)
  }

  #unreachable(reason: string, cause?: unknown): ServiceError {
    return new ServiceError({ url: shown(this.#target.url), kind: "unreachable", reason: printable(reason), cause })
  }

  #error(kind: ServiceError["kind"], said: string, tag: string | undefined): ServiceError {
    const reason = printable(said)
    return new ServiceError({ url: shown(this.#target.url), kind, reason, ...(tag === undefined ? {} : { tag }) })
  }
}

/** After so many malformed frames in a row, without a batch between them, it does not connect again. */
const MOST_MALFORMED = 3

/** A refusal is a line of JSON; whatever else answers there is quoted. */
const refusalOf = async (
  download: Download
): Promise<{ readonly reason: string; readonly tag: string | undefined }> => {
  const text = await download.text(LONGEST_REFUSAL)
  try {
    const value: unknown = JSON.parse(text)
    if (isRecord(value) && typeof value["error"] === "string") {
      return { reason: String(value["message"]), tag: value["error"] }
    }
  } catch {
    // It is no JSON.
  }
  return { reason: `it answers ${download.status} ${text.trim().slice(0, 200)}`, tag: undefined }
}

const LONGEST_REFUSAL = 16_384
