/**
 * Requests to S3: signed, and again with newer credentials when the server says that these have expired.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Send } from "../http/Requests.ts"
import { type Credentials, secretsOf } from "./Credentials.ts"
import { failureOf } from "./Failure.ts"
import { signed } from "./Signature.ts"

/**
 * Sends requests that it signs. What the server refuses is an error with S3's code and message; a `HEAD`, whose answer has
 * neither, is answered by its status, unless it leads elsewhere.
 *
 * @since 0.1.0
 */
export const signing =
  (send: Send, credentials: Credentials, region: string): Send =>
  (location, request) => {
    const attempt = (isLast: boolean): ReturnType<Send> =>
      Effect.gen(function* () {
        const own = yield* credentials.get(location)
        const unsigned = { ...request, redirect: "manual" } as const
        const ready =
          own === undefined ? unsigned : yield* signed(location, unsigned, own, region, yield* Clock.currentTimeMillis)
        const answer = yield* send(location, ready)
        const { status } = answer
        if (status < 300 || (request.method === "HEAD" && status >= 400)) return answer
        const { error, isExpired } = yield* failureOf(location, answer, own === undefined ? [] : secretsOf(own))
        if (!isExpired || own === undefined || isLast) return yield* error
        yield* credentials.expire(own)
        return yield* attempt(true)
      })
    return attempt(false)
  }
