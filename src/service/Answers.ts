/**
 * What a service answers to requests.
 *
 * @since 0.1.0
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { InvalidOption } from "../core/InvalidOption.ts"
import * as Cursor from "../scheduler/loader/Cursor.ts"
import type { Refusal } from "./Access.ts"
import { type AnswerFormat, type AnswerWriter, FORMATS, formatOf } from "./AnswerFormat.ts"
import { RunFailed } from "./ArrowStream.ts"
import { agreed, BodyCompressor, type Compression } from "./Compression.ts"
import { encode } from "./Frame.ts"
import { halves, joined, withPacked } from "./FrameBytes.ts"
import { cursorFrom, fromQuery } from "./RunSpec.ts"
import { Reader, type Runs, TooManyRuns } from "./Runs.ts"
import type { Step } from "./SharedRun.ts"

/** The state of a service, as its answers need it. @since 0.1.0 */
export interface Serving {
  readonly runs: Runs
  readonly access: (headers: IncomingMessage["headers"]) => Refusal | undefined
  /** Whether it accepts no more trainers. */
  draining: boolean
  /** Bytes of batches that were sent. */
  sent: number
  /** Trainers that are connected, also those whose run is still opening. */
  readers: number
}

const JSON_TYPE = { "content-type": "application/json" }

/** The status for the errors of a requested run, by their tags. */
const STATUS: Readonly<Record<string, number>> = {
  InvalidOption: 400,
  CursorError: 400,
  NotArrow: 406,
  CursorMismatch: 409,
  TooManyRuns: 503
}

const refuse = (response: ServerResponse, status: number, tag: string, message: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    const headers = {
      ...JSON_TYPE,
      ...(status === 401 ? { "www-authenticate": "Bearer" } : {}),
      ...(status === 503 ? { "retry-after": "1" } : {})
    }
    response.writeHead(status, headers)
    return ended(response, `${JSON.stringify({ error: tag, message })}\n`)
  })

const tagOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "_tag" in error ? String(error._tag) : "Error"

const refuseError = (response: ServerResponse, error: unknown): Effect.Effect<void> =>
  Effect.suspend(() => {
    const tag = error instanceof RunFailed ? error.tag : tagOf(error)
    const status = STATUS[tag] ?? 500
    const refused = refuse(response, status, tag, error instanceof Error ? error.message : String(error))
    // That of a run that was open has been logged by it.
    if (status !== 500 || error instanceof RunFailed) return refused
    return Effect.zipRight(Effect.logWarning("a run could not be opened, which its trainer is told", error), refused)
  })

/** The base that paths are resolved against. */
const BASE = "http://service"

/** Queries may hold a cursor, which is short. */
const LONGEST_URL = 8192

/** Answers a request. What is interrupted leaves nothing behind. @since 0.1.0 */
export const answer = (serving: Serving, request: IncomingMessage, response: ServerResponse): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { method, url = "" } = request
    // Checked first, so that nothing is revealed to those who have no access.
    const refusal = serving.access(request.headers)
    const asked = url.slice(0, LONGEST_URL)
    if (!URL.canParse(asked, BASE)) return refuse(response, 400, "Address", "this is no address")
    const { pathname, searchParams } = new URL(asked, BASE)
    if (pathname === "/health") return Effect.sync(() => health(serving, response))
    if (refusal !== undefined) return refuse(response, refusal.status, "Refused", refusal.message)
    if (url.length > LONGEST_URL) return refuse(response, 414, "TooLong", "the address is too long")
    if (method !== "GET") return refuse(response, 405, "Method", "this service answers to GET alone")
    switch (pathname) {
      case "/batches":
        return counted(serving, batches(serving, searchParams, response))
      case "/runs":
        return Effect.sync(() => {
          response.writeHead(200, JSON_TYPE)
          response.end(`${JSON.stringify(serving.runs.told)}\n`)
        })
      case "/metrics":
        return Effect.sync(() => {
          response.writeHead(200, { "content-type": "text/plain; version=0.0.4" })
          response.end(metrics(serving))
        })
      default:
        return refuse(
          response,
          404,
          "Unknown",
          `here are /batches, /runs, /metrics and /health, and no ${pathname.slice(0, 80)}`
        )
    }
  })

const health = ({ draining }: Serving, response: ServerResponse): void => {
  response.writeHead(draining ? 503 : 200, { "content-type": "text/plain" })
  response.end(draining ? "draining\n" : "ok\n")
}

const metrics = ({ readers, runs, sent }: Serving): string => {
  const { batches, opened, samples } = runs.counts
  const rows: ReadonlyArray<readonly [name: string, kind: "counter" | "gauge", help: string, value: number]> = [
    ["furrow_service_batches_total", "counter", "Batches that were built", batches],
    ["furrow_service_samples_total", "counter", "Samples in them", samples],
    ["furrow_service_runs_total", "counter", "Runs that were opened", opened],
    ["furrow_service_runs", "gauge", "Runs that are open", runs.told.length],
    ["furrow_service_trainers", "gauge", "Trainers that are connected", readers],
    [
      "furrow_service_window_bytes",
      "gauge",
      "Bytes of batches that are kept",
      runs.told.reduce((sum, { bytes }) => sum + bytes, 0)
    ],
    ["furrow_service_sent_bytes_total", "counter", "Bytes of batches that were sent", sent]
  ]
  return rows
    .map(([name, kind, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${name} ${value}\n`)
    .join("")
}

/** How long an answer may be silent before it is sent a sign of life. */
const ALIVE_EVERY = "5 seconds"

/** Clients try again: another service may listen at this address in a moment. */
const DRAINING =
  "it is shutting down and accepts no more trainers; the run continues from its cursor once a service listens here again"

const ALIVE = encode({ kind: "alive" })

/** Counts a trainer from its request on, so that one whose run is still opening is waited for, too, until its answer is sent. */
const counted = (serving: Serving, own: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.acquireUseRelease(
    Effect.sync(() => serving.readers++),
    () => own,
    () => Effect.sync(() => serving.readers--)
  )

/** Streams a run from a cursor on, as fast as its reader accepts it. */
const batches = (serving: Serving, query: URLSearchParams, response: ServerResponse): Effect.Effect<void> => {
  if (serving.draining) return refuse(response, 503, "Draining", DRAINING)
  const begun = Effect.gen(function* () {
    const { compression, format, from, spec } = yield* Effect.try({
      try: () => {
        const text = query.get("from")
        const format = formatOf(query.get("format"))
        return {
          spec: fromQuery(query, ["from", "format", "compression"], serving.runs.defaults),
          format,
          compression: compressionIn(query.get("compression"), format),
          from: text === null ? undefined : cursorFrom(text)
        }
      },
      catch: (error) => error
    })
    const cursor = from === undefined ? undefined : yield* Cursor.decode(from)
    const reader = new Reader(serving.runs, spec, cursor)
    const begin = yield* Effect.onError(reader.open, () => reader.leave)
    const { contentType, writer: writerOf } = FORMATS[format]
    const writer = writerOf(begin)
    const first = writer.needsFirst ? yield* Effect.onError(firstOf(reader, writer), () => reader.leave) : NOTHING
    const compressor = compression === "zstd" ? new BodyCompressor() : undefined
    return { compressor, contentType, first, reader, writer }
  })
  return Effect.matchCauseEffect(begun, {
    onFailure: (cause) =>
      // A run that is closed while it opens is no error of it.
      Cause.isInterruptedOnly(cause) ? Effect.interrupt : refuseError(response, Cause.squash(cause)),
    onSuccess: ({ compressor, contentType, first, reader, writer }) =>
      Effect.suspend(() => {
        response.writeHead(200, { "content-type": contentType, "cache-control": "no-store" })
        return stream(serving, reader, { writer, first, compressor }, response)
      }).pipe(Effect.ensuring(reader.leave))
  })
}

const NONE = new Uint8Array(0)

/** The first bytes of an answer, and whether the run ends with them. */
interface First {
  readonly bytes: ReadonlyArray<Uint8Array>
  readonly isLast: boolean
}

interface Answering {
  readonly writer: AnswerWriter
  readonly first: First
  /** Compresses what is sent, if the trainer has asked for that. */
  readonly compressor: BodyCompressor | undefined
}

const NOTHING: First = { bytes: [], isLast: false }

/** The first bytes of an answer, once its first batches are there. Fails with the reason if the answer cannot begin. */
const firstOf = (reader: Reader, writer: AnswerWriter): Effect.Effect<First, unknown> =>
  Effect.flatMap(reader.next, ({ bytes, isLast, sent }) =>
    Effect.flatMap(Effect.try({ try: () => [...writer.write(bytes)], catch: (error) => error }), (own) => {
      sent()
      return own.every(({ length }) => length === 0) && !isLast
        ? firstOf(reader, writer)
        : Effect.succeed({ bytes: own, isLast })
    })
  )

const stream = (
  serving: Serving,
  reader: Reader,
  { compressor, first, writer }: Answering,
  response: ServerResponse
): Effect.Effect<void> => {
  const put = (bytes: Uint8Array, sent?: () => void): void => {
    if (bytes.length > 0) response.write(bytes, sent)
    else sent?.()
  }
  const all = (pieces: Iterable<Uint8Array>): void => {
    for (const piece of pieces) put(piece)
  }
  /** Returns whether it was the last one. Others have their turn between pieces, each of which its maker took ms for. */
  function* send({ bytes, isLast, sent }: Step, packed = bytes) {
    let last: Uint8Array | undefined
    for (const piece of writer.write(packed)) {
      if (last !== undefined) {
        put(last)
        yield* response.writableLength >= MOST_UNSENT ? drained(response) : breath
      }
      last = piece
      serving.sent += piece.length
    }
    put(last ?? NONE, sent)
    return isLast || writer.isBroken
  }
  return Effect.gen(function* () {
    put(writer.begin)
    all(first.bytes)
    for (const { length } of first.bytes) serving.sent += length
    for (let isOver = first.isLast; !isOver; ) {
      // What is ready is sent without an effect, as far as its reader accepts it.
      while (!isOver && response.writableLength < MOST_UNSENT) {
        const step = reader.ready()
        if (step === undefined) break
        isOver = yield* send(step, compressor === undefined ? step.bytes : yield* compressed(compressor, step.bytes))
      }
      if (isOver) break
      if (response.writableLength >= MOST_UNSENT) {
        yield* drained(response)
        continue
      }
      const step = yield* alive(reader.next, () => all(writer.write(ALIVE)))
      isOver = yield* send(step, compressor === undefined ? step.bytes : yield* compressed(compressor, step.bytes))
    }
    yield* ended(response)
  }).pipe(
    // If the run cannot be opened again at this place, the trainer is told, as for any other error: what was sent is complete.
    Effect.catchAll((error) =>
      Effect.suspend(() => {
        // Without its end the answer is a broken connection: its trainer asks again until a run has ended, as one that has just come.
        if (error instanceof TooManyRuns && writer.goesOn) return ended(response)
        const message = error instanceof Error ? error.message : String(error)
        all(writer.write(encode({ kind: "error", tag: tagOf(error), message })))
        return ended(response)
      })
    )
  )
}

/**
 * Waits for a step, with a sign of life now and then. The wait itself goes on: it may be for a run of the trainer's own, which
 * would be opened from the start again each time.
 */
const alive = (next: Reader["next"], sign: () => void): Reader["next"] =>
  Effect.scoped(
    Effect.gen(function* () {
      const coming = yield* Effect.forkScoped(next)
      for (;;) {
        const step = yield* Effect.timeoutOption(Fiber.join(coming), ALIVE_EVERY)
        if (Option.isSome(step)) return step.value
        sign()
      }
    })
  )

/** The frame with its body as zstd, if that pays. Trainers of one run may each compress a batch: they may be at different ones. */
const compressed = (
  compressor: BodyCompressor,
  frame: Uint8Array<ArrayBuffer>
): Effect.Effect<Uint8Array<ArrayBuffer>> => {
  const [first, body] = halves(frame)
  if (!compressor.tries(body.length)) return Effect.succeed(frame)
  return Effect.async((resume) => {
    compressor.compress(body, (packed) => {
      resume(Effect.succeed(packed === undefined ? frame : joined(withPacked(first, packed))))
    })
  })
}

/** Reads how bodies may be sent. Throws `InvalidOption`. */
const compressionIn = (text: string | null, format: AnswerFormat): Compression => {
  if (text === null || text === "none") return "none"
  if (format !== "frames") {
    throw new InvalidOption({ option: "compression", value: text, expected: `left out beside format=${format}` })
  }
  if (text !== "zstd") throw new InvalidOption({ option: "compression", value: text, expected: '"none" or "zstd"' })
  return agreed(text)
}

/** Nothing more is written while its reader has not taken this many bytes. */
const MOST_UNSENT = 2 ** 20

/** Other answers have their turn. By a timer: under immediates alone Deno seldom asks the system for sockets. */
const breath = Effect.sleep(0)

/** Waits until everything is taken; if its reader leaves, the answer is interrupted. */
const drained = (response: ServerResponse): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (response.writableLength === 0) return resume(Effect.void)
    const taken = (): void => resume(Effect.void)
    response.once("drain", taken)
    return Effect.sync(() => response.off("drain", taken))
  })

/**
 * Ends an answer, and waits until the system has all of it: what the process still has would be lost when it ends. If its reader
 * leaves, the answer is interrupted.
 */
const ended = (response: ServerResponse, rest?: string): Effect.Effect<void> =>
  Effect.async((resume) => void response.end(rest, () => resume(Effect.void)))
