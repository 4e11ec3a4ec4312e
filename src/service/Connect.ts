/**
 * Opens a run of a service.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { duration, whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { type Names, optionsOf } from "../core/Options.ts"
import * as Cursor from "../scheduler/loader/Cursor.ts"
import { shownInvalid } from "../sources/store/Location.ts"
import { type Token, tokenOf } from "./Access.ts"
import { trustOf } from "./Certificate.ts"
import { type Compression, compressionOf } from "./Compression.ts"
import { ATTEMPTS, type ServiceError, type Target } from "./Connection.ts"
import { LONGEST_BODY } from "./Frame.ts"
import { RemoteLoader } from "./RemoteLoader.ts"
import { checkedRun, type RunSpec } from "./RunSpec.ts"

/** Options of a run of a service. @category options @since 0.1.0 */
export interface ConnectOptions extends RunSpec {
  /** A cursor to go on from, of this run or of a local one like it. */
  readonly from?: unknown
  /** What the service asks for. */
  readonly token?: Token
  /** After how long without a byte a connection is given up. Default 30 seconds; a service sends signs of life every 5. */
  readonly silence?: Duration.DurationInput
  /**
   * How often, and how long apart, a service is tried again that cannot be reached or has no room. Default: after 0.1 s, then
   * twice as long each time up to 5 s, for 2 minutes.
   */
  readonly attempts?: Schedule.Schedule<unknown>
  /** The longest batch in bytes that is taken. Default 2 GiB. */
  readonly longestBatch?: number
  /**
   * How batches come: `"none"`, as they are, or `"zstd"`, at level 1, where that makes a batch shorter. For networks that carry
   * less than about 200 MB/s. A service whose runtime has no zstd (Node before 22.15) sends them as they are. Default `"none"`.
   */
  readonly compression?: Compression
  /** For a service whose certificate no authority of the system has signed: the one that has, as PEM. */
  readonly tls?: { readonly ca: string }
}

const NAMES: Names<ConnectOptions> = {
  pipeline: true,
  seed: true,
  policy: true,
  epochs: true,
  epoch: true,
  rank: true,
  world: true,
  uneven: true,
  steps: true,
  workers: true,
  digest: true,
  allow: "own",
  from: "own",
  token: true,
  silence: true,
  attempts: true,
  longestBatch: true,
  compression: true,
  tls: true
}

const targetOf = (of: string, url: string | URL, options: ConnectOptions): Target => {
  optionsOf<object>(of, options, NAMES)
  const {
    attempts = ATTEMPTS,
    compression,
    from,
    longestBatch = LONGEST_BODY,
    silence = "30 seconds",
    tls,
    token,
    ...spec
  } = options
  const own = addressOf(url)
  if (!Schedule.isSchedule(attempts)) {
    throw new InvalidOption({
      option: "attempts",
      value: attempts,
      expected: 'a Schedule, such as Schedule.spaced("1 second")'
    })
  }
  if (from === undefined && spec.epochs === undefined && spec.epoch === undefined) {
    const expected = "told its epochs: one of { epochs: n }, { epoch: k } and { from: cursor }"
    throw new InvalidOption({ option: "the run", value: options, expected })
  }
  return {
    url: own.href,
    spec: checkedRun(spec),
    token: tokenOf(token),
    silence: duration("silence", silence),
    attempts,
    longestBody: whole("longestBatch", longestBatch, 1),
    compression: compressionOf(compression),
    ca: trustOf(of, tls)?.ca
  }
}

/** The service's address, which ends with `/`. Throws `InvalidOption`, without what may be a password. */
const addressOf = (url: string | URL): URL => {
  const own = URL.parse(String(url))
  // Behind a /, a ? or a # that is not escaped stands what is left of a password.
  const isAddress =
    own !== null && /^https?:$/.test(own.protocol) && !`${own.pathname}${own.search}${own.hash}`.includes("@")
  if (!isAddress || !isDecodable(own)) {
    throw new InvalidOption({ option: "url", value: shownInvalid(String(url)), expected: ADDRESS })
  }
  if (!own.pathname.endsWith("/")) own.pathname += "/"
  return own
}

const ADDRESS =
  "an address such as http://127.0.0.1:7717, whose user and password are escaped: % is %25, / is %2F, # is %23, ? is %3F, @ is %40"

/** Whether the user and the password of an address can be read: they are sent as a header. */
const isDecodable = ({ password, username }: URL): boolean => {
  try {
    decodeURIComponent(username + password)
    return true
  } catch {
    return false
  }
}

/**
 * Opens a run of the service at `url`. It delivers what a local run of the same pipeline would, with the same cursor and the
 * same digest, and goes on by itself when a connection breaks. `C` are the columns that the pipeline's batches have.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset, Pipeline, Sampler } from "furrow"
 * import { Service } from "furrow/service"
 *
 * const numbers = Pipeline.from(Dataset.range(1000)).pipe(Pipeline.sample(Sampler.shuffle), Pipeline.batch(32))
 * const run = Effect.gen(function* () {
 *   const { url } = yield* Service.serve({ pipelines: { numbers } })
 *   const loader = yield* Service.connect(url, { seed: 42, epochs: 1 })
 *   let samples = 0
 *   yield* loader.forEach(({ size }) => Effect.sync(() => (samples += size)))
 *   return samples
 * })
 * console.assert((await Effect.runPromise(Effect.scoped(run))) === 1000)
 *
 * @category constructors
 * @since 0.1.0
 */
export const connect = <C = unknown>(
  url: string | URL,
  options: ConnectOptions
): Effect.Effect<RemoteLoader<C>, InvalidOption | Cursor.CursorError | ServiceError, Scope.Scope> =>
  connectBy("Service.connect", url, options)

/** As {@link connect}, for a function that errors of the options name. @since 0.1.0 */
export const connectBy = <C>(
  of: string,
  url: string | URL,
  options: ConnectOptions
): Effect.Effect<RemoteLoader<C>, InvalidOption | Cursor.CursorError | ServiceError, Scope.Scope> =>
  Effect.gen(function* () {
    const target = yield* checked(() => targetOf(of, url, options))
    const from = options.from === undefined ? undefined : yield* Cursor.decode(options.from)
    return yield* RemoteLoader.open<C>(target, from)
  })
