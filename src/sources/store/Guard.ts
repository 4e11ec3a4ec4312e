/**
 * Requests that may fail for a while: each has a limit of time, and is repeated by a schedule.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { duration, whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { optionsOf } from "../../core/Options.ts"
import { isTransient, StoreError } from "./StoreError.ts"

/** How a store that may be far away is read. @category options @since 0.1.0 */
export interface ReadingOptions {
  /** How many requests are under way at once. Default 16. */
  readonly concurrency?: number
  /** How many bytes these ask for together. One request alone may ask for more. Default 2^27. */
  readonly bytes?: number
  /** Reads that wait at the same time are joined to one request if no more than so many bytes lie between them. Default 2^16. */
  readonly gap?: number
  /**
   * When a request that failed is repeated: a schedule of the errors. Only what may go better is: kinds `unavailable`,
   * `timeout` and `short`. If the server says how long to wait, that is waited at least. Default: 5 times, after 0.1 s,
   * 0.2 s … with jitter.
   */
  readonly retry?: Schedule.Schedule<unknown, StoreError>
  /** How long an attempt may take, and a second more for each MiB that it asks for. Default 30 seconds. */
  readonly timeout?: Duration.DurationInput
}

/** Options that have been checked. @since 0.1.0 */
export interface Reading {
  readonly concurrency: number
  readonly bytes: number
  readonly gap: number
  readonly retry: Schedule.Schedule<unknown, StoreError>
  readonly timeout: Duration.Duration
}

/** @since 0.1.0 */
export const readingNames = { concurrency: true, bytes: true, gap: true, retry: true, timeout: true } as const

const byDefault: Schedule.Schedule<unknown, StoreError> = Schedule.exponential("100 millis").pipe(
  Schedule.jittered,
  Schedule.intersect(Schedule.recurs(5))
)

/** Returns how `options` say to read; throws `InvalidOption`. @since 0.1.0 */
export const readingOf = (options: ReadingOptions): Reading => {
  const { retry = byDefault } = options
  if (!Schedule.isSchedule(retry)) {
    throw new InvalidOption({ option: "retry", value: retry, expected: "a Schedule, such as Schedule.recurs(3)" })
  }
  return {
    concurrency: whole("concurrency", options.concurrency ?? 16, 1),
    bytes: whole("bytes", options.bytes ?? 2 ** 27, 1),
    gap: whole("gap", options.gap ?? 2 ** 16, 0),
    retry,
    timeout: duration("timeout", options.timeout ?? "30 seconds")
  }
}

/** The options of a layer that takes these alone. @since 0.1.0 */
export const readingFrom = (of: string, options: ReadingOptions): Reading =>
  readingOf(optionsOf(of, options, readingNames))

/** A server that asks for more patience than this is not waited for. */
const PATIENCE_MS = 60_000

const MIB = 2 ** 20

/** Runs a request for so many bytes: within the limit of time, and again by the schedule. @since 0.1.0 */
export const guarded = <A, R>(
  { retry, timeout }: Reading,
  location: string,
  bytes: number,
  request: Effect.Effect<A, StoreError, R>
): Effect.Effect<A, StoreError, R> =>
  Effect.suspend(() => {
    let attempts = 0
    const limit = Duration.sum(timeout, Duration.seconds(bytes / MIB))
    const attempt = Effect.suspend(() => {
      attempts++
      return Effect.timeoutFail(request, {
        duration: limit,
        onTimeout: () => {
          const reason = `no whole answer within ${Duration.format(Duration.millis(Math.ceil(Duration.toMillis(limit))))}; a longer timeout may help`
          return new StoreError({ location, kind: "timeout", reason })
        }
      })
    })
    const waited = Schedule.intersect(retry, Schedule.identity<StoreError>()).pipe(
      Schedule.modifyDelay(([, { retryAfter = 0 }], delay) => Duration.max(delay, Duration.millis(retryAfter)))
    )
    return Effect.retry(attempt, {
      schedule: waited,
      while: (error) => isTransient(error) && (error.retryAfter ?? 0) <= PATIENCE_MS
    }).pipe(
      Effect.mapError((error) => {
        if (attempts === 1) return error
        const { cause, kind, reason, retryAfter, status } = error
        return new StoreError({ location: error.location, kind, reason, status, retryAfter, attempts, cause })
      })
    )
  })
