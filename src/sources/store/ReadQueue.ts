/**
 * Reads of a store that may be far away: those that wait are joined where they lie close to each other, and requests are
 * bounded in number and bytes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Runtime from "effect/Runtime"
import { guarded, type Reading } from "./Guard.ts"
import { isTag } from "./http/Stated.ts"
import { inParts, within } from "./Routes.ts"
import type { StoreError } from "./StoreError.ts"
import type { Driver, ObjectInfo, StoreService } from "./StoreService.ts"

type Bytes = Uint8Array<ArrayBuffer>

/** A read that waits for its bytes. */
interface Waiting {
  readonly info: ObjectInfo
  readonly from: number
  readonly to: number
  readonly runtime: Runtime.Runtime<never>
  readonly resume: (bytes: Effect.Effect<Bytes, StoreError>) => void
  request: Request | undefined
}

/** A request that is under way, and the reads that it is for. */
interface Request {
  readonly from: number
  readonly to: number
  readonly reads: Set<Waiting>
  fiber: Fiber.RuntimeFiber<Bytes, StoreError> | undefined
}

/** Joined reads ask for no more than this; longer reads are cut into parts of this length, side by side. */
const PART = 8 * 2 ** 20

/** Reads are joined up to this length; to more only where more waits for each connection: one alone is slow. */
const JOINED = 2 ** 20

class ReadQueue {
  readonly #read: Driver["read"]
  readonly #reading: Reading
  readonly #waiting = new Set<Waiting>()
  #requests = 0
  #bytes = 0
  #isPlanned = false

  constructor(read: Driver["read"], reading: Reading) {
    this.#read = read
    this.#reading = reading
  }

  /** Bytes from one place to another, by a request of this read's own or one that others share. */
  readonly bytes = (info: ObjectInfo, from: number, to: number): Effect.Effect<Bytes, StoreError> =>
    Effect.flatMap(Effect.runtime<never>(), (runtime) =>
      Effect.async<Bytes, StoreError>((resume) => {
        const own: Waiting = { info, from, to, runtime, resume, request: undefined }
        this.#waiting.add(own)
        this.#plan()
        return Effect.suspend(() => this.#leave(own))
      })
    )

  /** Reads that are asked for in one go are looked at together. */
  #plan(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    queueMicrotask(() => {
      this.#isPlanned = false
      this.#begin()
    })
  }

  #begin(): void {
    for (const first of this.#waiting) {
      if (this.#requests >= this.#reading.concurrency) return
      const isAlone = this.#requests === 0
      if (!isAlone && this.#bytes + first.to - first.from > this.#reading.bytes) return
      this.#request(first, this.#joined(first))
    }
  }

  /** The reads of one object around this one, in which no gap is too long. */
  #joined(first: Waiting): ReadonlyArray<Waiting> {
    const { bytes, concurrency, gap } = this.#reading
    let waiting = 0
    for (const { from, to } of this.#waiting) waiting += to - from
    const share = Math.min(PART, Math.max(JOINED, waiting / concurrency))
    const most = Math.max(first.to - first.from, Math.min(share, bytes - this.#bytes))
    const near = Array.from(this.#waiting)
      .filter(({ info }) => isSameOpening(info, first.info))
      .sort((a, b) => a.from - b.from)
    const reads = new Set([first])
    let { from, to } = first
    const take = (own: Waiting): void => {
      const [start, end] = [Math.min(from, own.from), Math.max(to, own.to)]
      if (own.from > to + gap || own.to < from - gap || end - start > most) return
      reads.add(own)
      from = start
      to = end
    }
    near.forEach(take)
    near.reverse().forEach(take)
    return Array.from(reads)
  }

  #request({ info, runtime }: Waiting, reads: ReadonlyArray<Waiting>): void {
    const from = Math.min(...reads.map((own) => own.from))
    const to = Math.max(...reads.map((own) => own.to))
    const request: Request = { from, to, reads: new Set(reads), fiber: undefined }
    for (const own of reads) {
      this.#waiting.delete(own)
      own.request = request
    }
    this.#requests++
    this.#bytes += to - from
    const effect = guarded(this.#reading, info.location, to - from, this.#read(info, from, to - from))
    const fiber = Runtime.runFork(runtime)(effect)
    request.fiber = fiber
    fiber.addObserver((exit) => {
      this.#requests--
      this.#bytes -= to - from
      for (const own of request.reads) own.resume(shareOf(exit, own, request))
      this.#plan()
    })
  }

  /** A read is cancelled. Its request is, too, once no other read waits for it. */
  #leave(own: Waiting): Effect.Effect<void> {
    this.#waiting.delete(own)
    const { request } = own
    if (request === undefined) return Effect.void
    request.reads.delete(own)
    const { fiber } = request
    return request.reads.size === 0 && fiber !== undefined ? Fiber.interrupt(fiber) : Effect.void
  }
}

/** Without an ETag, what answers say is held against later ones of the same opening alone. */
const isSameOpening = (one: ObjectInfo, other: ObjectInfo): boolean =>
  one === other || (one.location === other.location && one.version === other.version && isTag(one.version))

/** What a request gave, as far as this read asked for it: bytes of its own, unless it is the only one. */
const shareOf = (
  exit: Exit.Exit<Bytes, StoreError>,
  { from, to }: Waiting,
  request: Request
): Effect.Effect<Bytes, StoreError> => {
  if (Exit.isFailure(exit)) return Effect.failCause(exit.cause)
  const isAll = from === request.from && to === request.to && request.reads.size === 1
  return Effect.succeed(isAll ? exit.value : exit.value.slice(from - request.from, to - request.from))
}

/** What reads, joined, bounded, limited in time and repeated. @since 0.1.0 */
export const queued = (direct: Driver["read"], reading: Reading): Pick<StoreService, "read" | "stream"> => {
  const queue = new ReadQueue(direct, reading)
  const read: Driver["read"] = (info, offset, length) => {
    const beyond = within(info, offset, length)
    if (beyond !== undefined) return Effect.fail(beyond)
    if (length === 0) return Effect.succeed(new Uint8Array(0))
    if (length <= PART) return queue.bytes(info, offset, offset + length)
    return Effect.suspend(() => {
      const all = new Uint8Array(length)
      const parts = Array.from({ length: Math.ceil(length / PART) }, (_, place) => place * PART)
      const fetched = Effect.forEach(
        parts,
        (at) =>
          Effect.map(queue.bytes(info, offset + at, offset + Math.min(at + PART, length)), (part) => all.set(part, at)),
        { concurrency: "unbounded", discard: true }
      )
      return Effect.as(fetched, all)
    })
  }
  const ahead = Math.max(2, Math.min(reading.concurrency, Math.floor(reading.bytes / PART)))
  return { read, stream: inParts(read, PART, ahead) }
}
