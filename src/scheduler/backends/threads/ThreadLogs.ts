/**
 * What effects log in a thread, on its way to the loggers of the run.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as List from "effect/List"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as LogSpan from "effect/LogSpan"
import { decodeError, encodeError } from "../remote/ErrorCodec.ts"
import type { EncodedError } from "../remote/Protocol.ts"

/** What was logged. Values that cannot be cloned stand as text. @since 0.1.0 */
export interface Logged {
  readonly _tag: "Logged"
  readonly level: LogLevel.Literal
  readonly messages: ReadonlyArray<EncodedError>
  readonly cause: EncodedError | undefined
  readonly annotations: ReadonlyArray<readonly [key: string, value: EncodedError]>
  /** Their starts are in milliseconds since 1970, by a clock that threads share. */
  readonly spans: ReadonlyArray<readonly [label: string, start: number]>
}

/** Thread: a logger that posts what is logged. @since 0.1.0 */
export const posting = (post: (logged: Logged) => void): Logger.Logger<unknown, void> =>
  Logger.make(({ annotations, cause, logLevel, message, spans }) =>
    post({
      _tag: "Logged",
      level: logLevel._tag,
      messages: (Array.isArray(message) ? message : [message]).map(encodeError),
      cause: Cause.isEmpty(cause) ? undefined : encodeError(Cause.squash(cause)),
      annotations: Array.from(annotations, ([key, value]) => [key, encodeError(value)] as const),
      spans: Array.from(spans, ({ label, startTime }) => [label, startTime] as const)
    })
  )

/** Owner: logs it, by the loggers that are there. @since 0.1.0 */
export const logged = ({ annotations, cause, level, messages, spans }: Logged): Effect.Effect<void> =>
  Effect.logWithLevel(
    LogLevel.fromLiteral(level),
    ...messages.map(decodeError),
    ...(cause === undefined ? [] : [Cause.fail(decodeError(cause))])
  ).pipe(
    Effect.locallyWith(
      FiberRef.currentLogAnnotations,
      HashMap.union(HashMap.fromIterable(annotations.map(([key, value]) => [key, decodeError(value)] as const)))
    ),
    Effect.locally(
      FiberRef.currentLogSpan,
      List.fromIterable(spans.map(([label, start]) => LogSpan.make(label, start)))
    )
  )
