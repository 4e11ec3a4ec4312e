/**
 * The service: the store that is in use where nothing else is provided, and its replacement.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { fileDriver } from "./File.ts"
import { type Reading, readingOf } from "./Guard.ts"
import { type HttpReads, httpDriver } from "./Http.ts"
import { huggingFaceDriver, localHubDriver } from "./HuggingFace.ts"
import { type Send, sending } from "./http/Requests.ts"
import { lazyDriver } from "./LazyDriver.ts"
import { shownInvalid } from "./Location.ts"
import { nothing, routed } from "./Routes.ts"
import { StoreError } from "./StoreError.ts"
import type { Driver, StoreService } from "./StoreService.ts"
import { s3 } from "./s3/Settings.ts"

/** How many bytes of an object are read as a whole, at most, where the server has no ranges. @since 0.1.0 */
export const WHOLE_BYTES = 2 ** 30

/** The Hub that `endpoint`, or else `HF_ENDPOINT`, names, with the token of `HF_TOKEN`. @since 0.1.0 */
export const hub = (
  send: Send,
  reading: Reading,
  endpoint?: string
): Effect.Effect<Driver & Partial<Pick<HttpReads, "close">>, InvalidOption> =>
  Effect.gen(function* () {
    const set = yield* Effect.orElseSucceed(Config.option(Config.nonEmptyString("HF_ENDPOINT")), () => Option.none())
    const token = yield* Effect.orElseSucceed(Config.option(Config.redacted("HF_TOKEN")), () => Option.none())
    const own = endpoint ?? Option.getOrElse(set, () => "https://huggingface.co")
    if (/^https?:\/\//.test(own) && URL.canParse(own)) {
      return huggingFaceDriver({ endpoint: own, token, send, reading, wholeBytes: WHOLE_BYTES })
    }
    const expected = "the address of a hub, or the path of a folder"
    if (/^\w\w+:/.test(own) && !/^file:\/\/\//.test(own)) {
      return yield* new InvalidOption({ option: "endpoint (HF_ENDPOINT)", value: shownInvalid(own), expected })
    }
    return localHubDriver(/^file:/.test(own) ? process.getBuiltinModule("node:url").fileURLToPath(own) : own)
  })

/**
 * The store that locations are read from. Without a layer it serves local files, HTTP, S3 and the Hugging Face Hub.
 * Each layer of this module adds its own scheme, and sends all other locations to the store that it is provided with.
 *
 * @category services
 * @since 0.1.0
 */
export class Store extends Context.Reference<Store>()("furrow/Store", {
  defaultValue: (): StoreService => {
    const send = Effect.runSync(sending)
    const reading = readingOf({})
    const files = routed(["file"], fileDriver, nothing)
    const http = routed(["http", "https"], httpDriver(send, reading, {}, WHOLE_BYTES), files)
    const hf = routed(["hf"], lazily("hf://", hub(send, reading)), http)
    return routed(["s3"], lazily("s3://", s3(send, {}, WHOLE_BYTES)), hf)
  }
}) {}

/** What the environment says of a store is read when that is first used. */
const lazily = (
  location: string,
  make: Effect.Effect<Driver & Partial<Pick<HttpReads, "close">>, InvalidOption>
): Driver =>
  lazyDriver(Effect.mapError(make, ({ message }) => new StoreError({ location, kind: "unsupported", reason: message })))
