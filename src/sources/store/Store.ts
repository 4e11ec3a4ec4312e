/**
 * Stores: bytes by location and range, wherever data lies.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { whole } from "../../core/Check.ts"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { functionOf, given, textOf as nonEmpty, optionsOf } from "../../core/Options.ts"
import { hub, Store, WHOLE_BYTES } from "./CurrentStore.ts"
import { type Fault, type FaultyCall, faultyStore } from "./Faulty.ts"
import { fileDriver } from "./File.ts"
import { guarded, type ReadingOptions, readingFrom, readingNames, readingOf } from "./Guard.ts"
import { type HttpReads, httpDriver } from "./Http.ts"
import { sending } from "./http/Requests.ts"
import { memoryDriver } from "./Memory.ts"
import { queued } from "./ReadQueue.ts"
import { routed } from "./Routes.ts"
import type { Driver, StoreService } from "./StoreService.ts"
import { type S3Options, s3 as s3Driver } from "./s3/Settings.ts"

export { Store } from "./CurrentStore.ts"
export type { Fault, FaultyCall } from "./Faulty.ts"
export { resolve } from "./FindObjects.ts"
export type { ReadingOptions } from "./Guard.ts"
export { StoreError, type StoreErrorKind } from "./StoreError.ts"
export type { Driver, Listed, ObjectInfo, StoreService } from "./StoreService.ts"
export type { S3Credentials } from "./s3/Credentials.ts"
export type { S3Options } from "./s3/Settings.ts"

/** The layer that sends locations of `schemes` to a driver, and all others to the store that it is provided with. */
const layer = <E, R>(schemes: ReadonlyArray<string>, driver: Effect.Effect<Driver, E, R>): Layer.Layer<Store, E, R> =>
  Layer.effect(
    Store,
    Effect.gen(function* () {
      return routed(schemes, yield* driver, yield* Store)
    })
  )

/**
 * Local files, by their paths. They are served without a layer, too.
 *
 * @category layers
 * @since 0.1.0
 */
export const file: Layer.Layer<Store> = layer(["file"], Effect.succeed(fileDriver))

/** @category options @since 0.1.0 */
export interface HttpOptions extends ReadingOptions {
  /** Headers of every request, such as `{ authorization: Redacted.make("Bearer …") }`. Redirects to other hosts go without. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>>
  /** How many bytes of an object are read as a whole, at most, where the server has no ranges. Default 2^30. */
  readonly wholeBytes?: number
}

/**
 * Objects behind HTTP and HTTPS, by ranges; a server that has none is read as a whole, once, into a temporary file without
 * a name. It is served without a layer, too; this one sets how. Requests go through the `HttpClient` of `@effect/platform`
 * if the layer is provided with one, else through `fetch`.
 *
 * @category layers
 * @since 0.1.0
 */
export const http = (options: HttpOptions = {}): Layer.Layer<Store, InvalidOption> =>
  closing(
    ["http", "https"],
    Effect.gen(function* () {
      const { headers, reading, wholeBytes } = yield* checked(() => {
        const {
          headers = {},
          wholeBytes,
          ...rest
        } = optionsOf("Store.http", options, {
          ...readingNames,
          headers: true,
          wholeBytes: true
        })
        given("headers", headers, "a record of texts by name")
        return {
          headers: Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [name.toLowerCase(), textOf(name, value)])
          ),
          reading: readingOf(rest),
          wholeBytes: whole("wholeBytes", wholeBytes ?? WHOLE_BYTES, 0)
        }
      })
      return httpDriver(yield* sending, reading, headers, wholeBytes)
    })
  )

const textOf = (name: string, value: unknown): string => {
  const text: unknown = Redacted.isRedacted(value) ? Redacted.value(value) : value
  if (typeof text === "string" && /^[^\r\n\0]*$/.test(text)) return text
  throw new InvalidOption({
    option: `header ${name}`,
    value: "…",
    expected: "a text of one line, or a Redacted of one"
  })
}

/** @category options @since 0.1.0 */
export interface HuggingFaceOptions extends ReadingOptions {
  /**
   * The address of the Hub, or the path of a folder with `datasets/ORG/NAME` below it. Default: the variable `HF_ENDPOINT`,
   * else `https://huggingface.co`.
   */
  readonly endpoint?: string
}

/**
 * Datasets on the Hugging Face Hub, as `hf://datasets/ORG/NAME`. They are served without a layer, too; this one sets how.
 * The token is the variable `HF_TOKEN`, by Effect's `Config`.
 *
 * @category layers
 * @since 0.1.0
 */
export const huggingFace = (options: HuggingFaceOptions = {}): Layer.Layer<Store, InvalidOption> =>
  closing(
    ["hf"],
    Effect.gen(function* () {
      const { endpoint, reading } = yield* checked(() => {
        const { endpoint, ...rest } = optionsOf("Store.huggingFace", options, { ...readingNames, endpoint: true })
        return {
          endpoint: endpoint === undefined ? undefined : nonEmpty("endpoint", endpoint),
          reading: readingOf(rest)
        }
      })
      return yield* hub(yield* sending, reading, endpoint)
    })
  )

/** As {@link layer}, for a driver that keeps files open until the layer ends. */
const closing = <E, R>(
  schemes: ReadonlyArray<string>,
  driver: Effect.Effect<Driver & Partial<Pick<HttpReads, "close">>, E, R>
): Layer.Layer<Store, E, R> =>
  Layer.scoped(
    Store,
    Effect.gen(function* () {
      const own = yield* Effect.acquireRelease(driver, ({ close = Effect.void }) => close)
      return routed(schemes, own, yield* Store)
    })
  )

/**
 * Objects in S3, as `s3://bucket/key`, or in a server that speaks its protocol. They are served without a layer, too; this
 * one sets how. Requests are signed (signature 4) by the package `aws4fetch`, which must be installed beside Furrow.
 *
 * An object's version is its ETag. Writes appear whole: by one request, or by a completed multipart upload, which is aborted
 * if it fails or is interrupted. No error and no log shows a secret.
 *
 * @example
 * import { Effect, Redacted } from "effect"
 * import { Store } from "furrow"
 *
 * // Newer credentials are asked for a minute before these expire, and when the server says that they have.
 * const credentials = Effect.succeed({
 *   accessKeyId: "AKIA…",
 *   secretAccessKey: Redacted.make("…"),
 *   sessionToken: Redacted.make("…"),
 *   expiration: new Date(Date.now() + 3_600_000)
 * })
 * const layer = Store.s3({ endpoint: "https://minio.example:9000", region: "us-east-1", credentials })
 *
 * @category layers
 * @since 0.1.0
 */
export const s3 = (options: S3Options = {}): Layer.Layer<Store, InvalidOption> =>
  closing(
    ["s3"],
    Effect.flatMap(sending, (send) => s3Driver(send, options, WHOLE_BYTES))
  )

/**
 * Reads of the store that it is provided with, joined, bounded, limited in time and repeated: for a store of your own, or a
 * network file system. HTTP, S3 and the Hub have this without.
 *
 * @category layers
 * @since 0.1.0
 */
export const reading = (options: ReadingOptions = {}): Layer.Layer<Store, InvalidOption> =>
  Layer.effect(
    Store,
    Effect.gen(function* () {
      const own = yield* checked(() => readingFrom("Store.reading", options))
      const rest = yield* Store
      const stat: StoreService["stat"] = (object) => guarded(own, object.location, 0, rest.stat(object))
      return { ...rest, stat, ...queued(rest.read, own) }
    })
  )

/** @category options @since 0.1.0 */
export interface CachedOptions {
  /** How many bytes the folder's blocks take at most, over all processes that use it with this bound. */
  readonly bytes: number
  /**
   * Objects are read and kept in blocks of this length. Default: 4 MiB, less where `bytes` is below 64 MiB. Processes share
   * blocks of one length.
   */
  readonly blockBytes?: number
  /**
   * What becomes of a read if the folder cannot be used, such as one that is full or read-only. `"warn"`, the default: it
   * goes on from the store, and one warning is logged; `"error"`: it fails with `StoreError`.
   */
  readonly onFailure?: "warn" | "error"
}

/**
 * Keeps what is read from the store that it is provided with in a folder on local disk, block by block. Local files and
 * objects in memory are not kept, nor is what has no version. Blocks that were not used for the longest time go first.
 *
 * Several processes can share a folder, and each can be killed at any time. Every read of a block checks its checksums; a
 * damaged one is read from the store again. Blocks belong to the version of an object, so a changed object is not mixed
 * with its old self. Blocks lie in a folder of their own within `directory`; nothing else there is touched.
 *
 * @example
 * import { Layer } from "effect"
 * import { Store } from "furrow"
 *
 * const layer = Store.cached("/tmp/furrow-example", { bytes: 50 * 2 ** 30 }).pipe(Layer.provide(Store.s3({ concurrency: 32 })))
 *
 * @category layers
 * @since 0.1.0
 */
export const cached = (directory: string, options: CachedOptions): Layer.Layer<Store, InvalidOption> =>
  Layer.scoped(
    Store,
    Effect.gen(function* () {
      const settings = yield* checked(() => {
        const own = optionsOf("Store.cached", options, { bytes: true, blockBytes: true, onFailure: true })
        const bytes = whole("bytes", own.bytes, 1)
        return {
          directory: nonEmpty("the directory of Store.cached", directory),
          bytes,
          blockBytes: whole("blockBytes", own.blockBytes ?? blockBytesOf(bytes), 1),
          onFailure: oneOf("onFailure", own.onFailure ?? "warn", ["warn", "error"])
        }
      })
      const { cachedStore } = yield* Effect.promise(() => import("./cached/Cached.ts"))
      const rest = yield* Store
      const { store } = yield* Effect.acquireRelease(
        Effect.sync(() => cachedStore(rest, settings)),
        ({ close }) => close
      )
      return store
    })
  )

/** A power of two, of which 16 fit into the folder, up to 4 MiB. */
const blockBytesOf = (bytes: number): number => 2 ** Math.min(22, Math.max(12, Math.floor(Math.log2(bytes / 16))))

const oneOf = <A extends string>(option: string, value: A, names: ReadonlyArray<A>): A => {
  if (names.includes(value)) return value
  throw new InvalidOption({ option, value, expected: names.map((name) => JSON.stringify(name)).join(" or ") })
}

/**
 * The store that it is provided with, whose calls go wrong as `faults` says, for tests: slow, reset, refused, cut short or
 * without an answer.
 *
 * @example
 * import { Effect, Layer } from "effect"
 * import { Store } from "furrow"
 *
 * // Every other call meets a server that is overloaded; the reads are repeated, and none fails.
 * const layer = Store.reading().pipe(
 *   Layer.provide(Store.faulty(({ number }) => (number % 2 === 0 ? { _tag: "status", status: 503 } : undefined))),
 *   Layer.provide(Store.memory({ greeting: "hello" }))
 * )
 * const bytes = await Effect.runPromise(
 *   Effect.gen(function* () {
 *     const store = yield* Store.Store
 *     return yield* store.read(yield* store.stat({ location: "memory://greeting" }), 0, 5)
 *   }).pipe(Effect.provide(layer))
 * )
 * console.assert(new TextDecoder().decode(bytes) === "hello")
 *
 * @category layers
 * @since 0.1.0
 */
export const faulty = (faults: (call: FaultyCall) => Fault | undefined): Layer.Layer<Store, InvalidOption> =>
  Layer.effect(
    Store,
    Effect.gen(function* () {
      const own = yield* checked(() => functionOf("the faults of Store.faulty", faults))
      return faultyStore(yield* Store, own)
    })
  )

/**
 * Objects in memory, for tests: by name, as `memory://name`. A text is taken as UTF-8.
 *
 * @category layers
 * @since 0.1.0
 */
export const memory = (
  objects: Readonly<Record<string, Uint8Array | string>> = {}
): Layer.Layer<Store, InvalidOption> =>
  layer(
    ["memory"],
    checked(() => {
      given("the objects of Store.memory", objects, "a record of bytes and texts by name")
      for (const [name, content] of Object.entries(objects)) {
        if (typeof content === "string" || content instanceof Uint8Array) continue
        throw new InvalidOption({ option: `object ${name}`, value: content, expected: "a Uint8Array or a text" })
      }
      return memoryDriver(objects)
    })
  )

/**
 * A store of your own for a scheme, such as `gs`.
 *
 * @category layers
 * @since 0.1.0
 */
export const make = (scheme: string, driver: Driver): Layer.Layer<Store, InvalidOption> =>
  layer(
    [scheme],
    checked(() => {
      if (/^[a-z][a-z0-9+.-]+$/.test(scheme)) return driver
      const expected = "a scheme in lower case, of two characters or more, such as gs"
      throw new InvalidOption({ option: "the scheme of Store.make", value: scheme, expected })
    })
  )
