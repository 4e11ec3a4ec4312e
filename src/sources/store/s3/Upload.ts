/**
 * Writes objects: small ones by one PUT, others in parts, which appear when the upload is completed. An upload that fails or
 * is interrupted is aborted; one whose process is killed is not, and is removed by the bucket's own rule for incomplete
 * uploads.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { guarded, type Reading } from "../Guard.ts"
import { type Answer, type Request, type Send, textOf } from "../http/Requests.ts"
import { StoreError } from "../StoreError.ts"
import type { Driver, ObjectInfo } from "../StoreService.ts"
import { type Address, type Endpoint, objectAt, urlOf } from "./Address.ts"
import { failureIn } from "./Failure.ts"
import { tagOf } from "./Tag.ts"
import { parse, textAt } from "./Xml.ts"

/** So many parts are sent at once, and one more is filled meanwhile. */
const AT_ONCE = 4

/** How long a request that begins an upload is waited for once the upload is given up, in milliseconds. */
const BEGINNING_MS = 5000

/** S3's own limit. */
const MOST_PARTS = 10_000

interface Part {
  /** From 1. */
  readonly number: number
  readonly bytes: Uint8Array
  readonly isLast: boolean
}

/** @since 0.1.0 */
export interface UploadParts {
  readonly send: Send
  readonly reading: Reading
  readonly endpoint: Endpoint
  readonly partBytes: number
  readonly stat: Driver["stat"]
  readonly read: Driver["read"]
}

/** @since 0.1.0 */
export const uploading =
  ({ endpoint, partBytes, read, reading, send, stat }: UploadParts): Driver["write"] =>
  (location, bytes) =>
    Effect.flatMap(objectAt(location), (address) => {
      const ask = (
        method: Request["method"],
        query: Readonly<Record<string, string>>,
        body?: Uint8Array,
        check?: (told: Told) => StoreError | undefined
      ): Effect.Effect<Told, StoreError> => {
        const request = { method, url: urlOf(endpoint, address, query), headers: {}, body }
        const told = Effect.flatMap(send(location, request), (answer) =>
          Effect.flatMap(textOf(location, answer.body), (text) => {
            const told = { answer, text }
            const error = check?.(told)
            return error === undefined ? Effect.succeed(told) : Effect.fail(error)
          })
        )
        return guarded(reading, location, body?.length ?? 0, Effect.scoped(told))
      }
      return Effect.suspend(() => {
        const upload = new Upload(location, address, ask, { stat, read })
        let size = 0
        const put = (part: Part) => {
          size += part.bytes.length
          return part.number === 1 && part.isLast ? upload.whole(part.bytes) : upload.part(part)
        }
        return partsOf(bytes, partBytes).pipe(
          Stream.mapEffect(put, { concurrency: AT_ONCE }),
          Stream.runDrain,
          Effect.zipRight(Effect.suspend(() => upload.end(size))),
          Effect.onError(() => upload.abort)
        )
      })
    })

/** A part that the server has. */
interface SentPart {
  readonly number: number
  readonly tag: string
  readonly length: number
}

const md5 = (bytes: Uint8Array): string =>
  process.getBuiltinModule("node:crypto").createHash("md5").update(bytes).digest("hex")

interface Told {
  readonly answer: Answer
  readonly text: string
}

/** Asks, and again where that or what `check` returns may go better. */
type Ask = (
  method: Request["method"],
  query: Readonly<Record<string, string>>,
  body?: Uint8Array,
  check?: (told: Told) => StoreError | undefined
) => Effect.Effect<Told, StoreError>

/** One object on its way. */
class Upload {
  readonly #location: string
  readonly #address: Address
  readonly #ask: Ask
  readonly #objects: Pick<Driver, "stat" | "read">
  readonly #one = Effect.unsafeMakeSemaphore(1)
  readonly #sent = new Map<number, SentPart>()
  #id: string | undefined
  /** The request that begins the upload. It goes on if whoever waits for it is interrupted: the server may have begun. */
  #beginning: Fiber.RuntimeFiber<string, StoreError> | undefined
  #tag: string | undefined

  constructor(location: string, address: Address, ask: Ask, objects: Pick<Driver, "stat" | "read">) {
    this.#location = location
    this.#address = address
    this.#ask = ask
    this.#objects = objects
  }

  /** All of the object by one request. */
  whole(bytes: Uint8Array): Effect.Effect<void, StoreError> {
    return Effect.map(this.#ask("PUT", {}, bytes), ({ answer }) => {
      this.#tag = tagOf(answer.headers["etag"])
    })
  }

  part({ bytes, number }: Part): Effect.Effect<void, StoreError> {
    if (number > MOST_PARTS) {
      const reason = `it has more than ${MOST_PARTS} parts; raise partBytes`
      return Effect.fail(new StoreError({ location: this.#location, kind: "limit", reason }))
    }
    return Effect.flatMap(this.#begin(), (uploadId) =>
      Effect.flatMap(this.#ask("PUT", { partNumber: String(number), uploadId }, bytes), ({ answer }) => {
        const tag = tagOf(answer.headers["etag"])
        if (tag === undefined) return Effect.fail(this.#invalid("the server gave a part no ETag"))
        this.#sent.set(number, { number, tag, length: bytes.length })
        return Effect.void
      })
    )
  }

  /** The first part to be sent begins the upload. */
  #begin(): Effect.Effect<string, StoreError> {
    const asked = Effect.flatMap(this.#ask("POST", { uploads: "" }), ({ text }) => {
      const root = parse(text)
      const id = root?.name === "InitiateMultipartUploadResult" ? textAt(root, "UploadId") : undefined
      if (id === undefined || id === "") return Effect.fail(this.#invalid("the server gave the upload no number"))
      this.#id = id
      return Effect.succeed(id)
    })
    const begin = Effect.suspend(() => {
      if (this.#id !== undefined) return Effect.succeed(this.#id)
      return Effect.flatMap(Effect.forkDaemon(asked), (fiber) => {
        this.#beginning = fiber
        return Fiber.join(fiber)
      })
    })
    return this.#one.withPermits(1)(begin)
  }

  end(size: number): Effect.Effect<ObjectInfo, StoreError> {
    const info = (version: string): ObjectInfo => ({ location: this.#location, size, version })
    const looked = Effect.suspend(() => this.#objects.stat({ location: this.#location }))
    return Effect.flatMap(this.#complete(size), () =>
      this.#tag === undefined ? looked : Effect.succeed(info(this.#tag))
    )
  }

  #complete(size: number): Effect.Effect<void, StoreError> {
    const uploadId = this.#id
    if (uploadId === undefined) return Effect.void
    const sent = Array.from(this.#sent.values()).sort((one, other) => one.number - other.number)
    const parts = sent.map(
      ({ number, tag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${escaped(tag)}</ETag></Part>`
    )
    const body = new TextEncoder().encode(`<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`)
    // S3 says 200 before it knows whether it goes well; what an error says decides whether that is tried again.
    const check = ({ answer, text }: Told): StoreError | undefined => {
      const name = parse(text)?.name
      if (name === "CompleteMultipartUploadResult") return undefined
      if (name === "Error") return failureIn(this.#location, answer, text, []).error
      return this.#invalid("the server did not say that the upload is complete")
    }
    const complete = Effect.map(this.#ask("POST", { uploadId }, body, check), ({ text }) => {
      const root = parse(text)
      this.#tag = root === undefined ? undefined : tagOf(textAt(root, "ETag"))
    })
    return Effect.catchIf(
      complete,
      // An answer that was lost may have been that it went well; runtimes, too, ask again.
      ({ reason }) => reason.includes("NoSuchUpload"),
      (error) =>
        Effect.gen(this, function* () {
          const info = yield* this.#objects.stat({ location: this.#location })
          if (info.size !== size || !(yield* this.#isOwn(info, sent))) return yield* error
          this.#tag = info.version
        })
    ).pipe(
      Effect.tap(() => {
        this.#id = undefined
      })
    )
  }

  /**
   * Whether an object as long as this upload is what it made. S3's own ETag tells by the number of parts; behind any other, the
   * object is read, and compared with the parts, whose ETags are the MD5 of their bytes.
   */
  #isOwn(info: ObjectInfo, sent: ReadonlyArray<SentPart>): Effect.Effect<boolean, StoreError> {
    if (info.version.endsWith(`-${sent.length}"`)) return Effect.succeed(true)
    let offset = 0
    return Effect.every(sent, ({ length, tag }) => {
      const from = offset
      offset += length
      return Effect.map(this.#objects.read(info, from, length), (bytes) => tag === `"${md5(bytes)}"`)
    })
  }

  /** Gives the parts up that were sent. */
  get abort(): Effect.Effect<void> {
    return Effect.zipRight(
      this.#begun,
      Effect.suspend(() =>
        this.#id === undefined
          ? Effect.void
          : Effect.catchAll(this.#ask("DELETE", { uploadId: this.#id }), (error) => this.#left(error.message))
      )
    )
  }

  /** Waits until it is known whether the upload has begun. */
  get #begun(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const beginning = this.#beginning
      if (beginning === undefined || this.#id !== undefined) return Effect.void
      // It cannot be interrupted, so a timeout of an effect would not end it.
      const settled = Effect.async<boolean>((resume) => {
        const late = setTimeout(() => resume(Effect.succeed(false)), BEGINNING_MS)
        beginning.addObserver(() => {
          clearTimeout(late)
          resume(Effect.succeed(true))
        })
      })
      return Effect.flatMap(settled, (isSettled) =>
        isSettled
          ? Effect.void
          : Effect.zipRight(
              Fiber.interruptFork(beginning),
              this.#left(`the server has not said within ${BEGINNING_MS} ms whether it has begun`)
            )
      )
    })
  }

  #left(reason: string): Effect.Effect<void> {
    return Effect.logWarning(
      `an upload to ${this.#location} that was given up could not be aborted: ${reason}; its parts take room until the bucket's rule for incomplete uploads removes them`
    )
  }

  #invalid(reason: string): StoreError {
    return new StoreError({ location: `s3://${this.#address.bucket}/${this.#address.key}`, kind: "invalid", reason })
  }
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (own) => `&#${own.charCodeAt(0)};`)

/** The bytes in parts of this length, of which the last one may be shorter; there is one at least. */
const partsOf = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>, length: number): Stream.Stream<Part, E, R> =>
  Stream.suspend(() => {
    let number = 0
    let own = new Uint8Array(0)
    let filled = 0
    const full = (isLast: boolean): Part => {
      const part = { number: ++number, bytes: own.subarray(0, filled), isLast }
      own = new Uint8Array(0)
      filled = 0
      return part
    }
    /** A part is full when the next byte comes, so that the last one is known. */
    const put = (chunk: Uint8Array): Chunk.Chunk<Part> => {
      const parts: Array<Part> = []
      for (let at = 0; at < chunk.length; ) {
        if (filled === length) parts.push(full(false))
        const taken = Math.min(chunk.length - at, length - filled)
        if (filled + taken > own.length) {
          const grown = new Uint8Array(Math.min(length, Math.max(filled + taken, own.length * 2)))
          grown.set(own.subarray(0, filled))
          own = grown
        }
        own.set(chunk.subarray(at, at + taken), filled)
        filled += taken
        at += taken
      }
      return Chunk.unsafeFromArray(parts)
    }
    const ended: Stream.Stream<Option.Option<Uint8Array>, E, R> = Stream.concat(
      Stream.map(bytes, Option.some),
      Stream.succeed(Option.none())
    )
    return Stream.mapConcatChunk(ended, (chunk) =>
      Option.match(chunk, { onNone: () => Chunk.of(full(true)), onSome: put })
    )
  })
