/**
 * JSON that keeps whole numbers beyond 2^53: they come as bigints and are written digit by digit, as NumPy and Python
 * write and read them.
 */
import * as Either from "effect/Either"

/** Source text access and raw JSON: in both runtimes, not yet in TypeScript's own types. */
interface Native {
  readonly parse: (
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown
  ) => unknown
  readonly rawJSON: (text: string) => unknown
}

// Every engine that runs this has both (ECMAScript 2026); the cast only adds what the types lack.
const native = JSON as unknown as Native

/** What a text says; the reason where it is no JSON. */
export const parse = (text: string): Either.Either<unknown, string> =>
  Either.try({
    try: () =>
      native.parse(text, (_, value, { source }) =>
        typeof value === "number" && !Number.isSafeInteger(value) && source !== undefined && /^-?\d+$/.test(source)
          ? BigInt(source)
          : value
      ),
    catch: (error) => (error instanceof Error ? error.message : String(error))
  })

/** One line of JSON. */
export const format = (value: unknown): string =>
  JSON.stringify(value, (_, own: unknown) => (typeof own === "bigint" ? native.rawJSON(String(own)) : own))
