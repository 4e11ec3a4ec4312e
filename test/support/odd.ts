/**
 * Values that code can throw, odd ones above all: each made anew at each call, but for huge ones, which a thread makes once.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"

const boom = (): never => {
  throw new Error("boom")
}

/** An error with more properties, defined as they are. */
const withProperties = (properties: PropertyDescriptorMap, error = new Error("odd")) =>
  Object.defineProperties(error, properties)

const plain = (value: unknown): PropertyDescriptor => ({ value, enumerable: true, configurable: true })
const throwing: PropertyDescriptor = { get: boom, enumerable: true, configurable: true }

const cyclic = (): Error => {
  const error = new Error("its own cause")
  error.cause = error
  return error
}

const ring = (): Error => {
  const first = new Error("first")
  const second = new Error("second", { cause: first })
  first.cause = second
  return first
}

/** More errors than are ever sent of one: these know where they were made, and any beyond them need not. */
const TRACED = 200

/** Errors without a trace of where they were made, which costs ten times what the error does. */
const untraced = <A>(make: () => A): A => {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

const once = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

const chain = (length: number): Error => {
  let error = new Error("the last")
  let at = 0
  const extend = (to: number): void => {
    for (; at < to; at++) error = new Error(`cause ${at}`, { cause: error })
  }
  untraced(() => extend(length - TRACED))
  extend(length)
  return error
}

const many = (length: number): ReadonlyArray<Error> => {
  const make = (_: unknown, at: number): Error => new Error(`${at}`)
  return Array.from({ length }, (_, at) => (at < TRACED ? make(_, at) : untraced(() => make(_, at))))
}

const nested = (depth: number): unknown => {
  let value: unknown = "the innermost"
  for (let at = 0; at < depth; at++) value = { value }
  return value
}

const cycle = (): unknown => {
  const value: Record<string, unknown> = { name: "cycle" }
  value["self"] = value
  return value
}

const revoked = (target: object): unknown => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const detached = (): Uint8Array => {
  const bytes = new Uint8Array([1, 2, 3])
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return bytes
}

const allTraps: ProxyHandler<object> = {
  get: boom,
  set: boom,
  has: boom,
  ownKeys: boom,
  getPrototypeOf: boom,
  getOwnPropertyDescriptor: boom,
  defineProperty: boom,
  deleteProperty: boom,
  isExtensible: boom,
  preventExtensions: boom,
  setPrototypeOf: boom
}

const trapped = (trap: keyof ProxyHandler<object>): (readonly [string, () => unknown])[] => [
  [`a Proxy of a record whose trap ${trap} throws`, () => new Proxy({ a: 1 }, { [trap]: boom })],
  [`a Proxy of an error whose trap ${trap} throws`, () => new Proxy(new Error("behind"), { [trap]: boom })]
]

class Point {
  readonly x = 1
  readonly #hidden = 2
  get y(): number {
    return this.#hidden
  }
}

class Late extends Error {
  override get message(): string {
    return boom()
  }
}

class Nameless extends Error {
  override readonly name = Symbol("name") as unknown as string
}

class Tagged extends Data.TaggedError("Tagged")<{ readonly value: unknown }> {}

class Messaged extends Data.TaggedError("Messaged")<{ readonly value: unknown }> {
  override get message(): string {
    return `value ${String((this.value as { readonly deep: { readonly deeper: string } }).deep.deeper)}`
  }
}

/** What is thrown, by name. */
export const odd: ReadonlyArray<readonly [name: string, make: () => unknown]> = [
  ["undefined", () => undefined],
  ["null", () => null],
  ["true", () => true],
  ["a number", () => 42],
  ["NaN", () => Number.NaN],
  ["-0", () => -0],
  ["a bigint", () => 2n ** 70n],
  ["an empty string", () => ""],
  ["a string", () => "just text"],
  ["a lone surrogate", () => "\ud800"],
  ["a string of 10 MB", once(() => "x".repeat(10_000_000))],
  ["a symbol", () => Symbol("odd")],
  ["a symbol without a name", () => Symbol()],
  ["a registered symbol", () => Symbol.for("odd")],
  ["Symbol.iterator", () => Symbol.iterator],
  ["a function", () => () => 1],
  ["a class", () => Point],
  ["an async function", () => async () => 1],
  ["a generator", () => (function* () {})()],
  ["a promise", () => Promise.resolve(1)],
  // It is handled, as a rejection that nobody handles ends any program.
  [
    "a rejected promise",
    () => {
      const rejected = Promise.reject(new Error("later"))
      rejected.catch(() => {})
      return rejected
    }
  ],
  // biome-ignore lint/suspicious/noThenProperty: that is what is odd about it.
  ["a thenable whose then throws", () => ({ then: boom })],
  ["an empty record", () => ({})],
  ["a record", () => ({ code: 7, list: [1, "two", null] })],
  ["a record of a null prototype", () => Object.create(null)],
  ["a record of a null prototype with fields", () => Object.assign(Object.create(null), { a: 1 })],
  ["a record with an own __proto__", () => JSON.parse('{"__proto__": {"polluted": true}, "b": 2}')],
  ["a record that refers to itself", cycle],
  ["a record with a throwing getter", () => Object.defineProperty({}, "get", throwing)],
  ["a record with a throwing toString", () => ({ toString: boom })],
  ["a record with a throwing toJSON", () => ({ toJSON: boom })],
  ["a record with a throwing Symbol.toPrimitive", () => ({ [Symbol.toPrimitive]: boom })],
  ["a record with a throwing Symbol.toStringTag", () => Object.defineProperty({}, Symbol.toStringTag, throwing)],
  ["a record with symbol keys", () => ({ [Symbol("key")]: 1 })],
  ["a record with a function", () => ({ run: () => 1, size: 3 })],
  ["a record whose constructor is null", () => Object.create({ constructor: null })],
  ["a record whose constructor throws", () => Object.create(Object.defineProperty({}, "constructor", throwing))],
  ["records, 100,000 deep", once(() => nested(100_000))],
  ["an array", () => [1, [2, [3]]]],
  ["a sparse array", () => Array.from({ length: 3 }).fill(1, 1, 2) && Object.assign([], { length: 5, 3: "three" })],
  ["an array of a length of 2^32 - 1", () => Object.assign([], { length: 2 ** 32 - 1 })],
  ["an array of extras", () => Object.assign([1], { extra: () => 1 })],
  ["an array of 100,000", once(() => Array.from({ length: 100_000 }, (_, at) => at))],
  ["a Map", () => new Map<unknown, unknown>([[{}, () => 1]])],
  [
    "a Set that holds itself",
    () => {
      const set = new Set<unknown>()
      return set.add(set)
    }
  ],
  ["a WeakMap", () => new WeakMap()],
  ["a WeakRef", () => new WeakRef({})],
  ["a Date", () => new Date(0)],
  ["a Date that is none", () => new Date(Number.NaN)],
  ["a RegExp", () => /odd/gu],
  ["a URL", () => new URL("https://example.com/")],
  ["a class instance", () => new Point()],
  ["a boxed string", () => Object("boxed")],
  ["a boxed symbol", () => Object(Symbol("boxed"))],
  ["a typed array", () => new Float32Array([1, 2])],
  ["a typed array that is detached", detached],
  ["an ArrayBuffer", () => new ArrayBuffer(8)],
  ["a SharedArrayBuffer", () => new SharedArrayBuffer(8)],
  ["a DataView", () => new DataView(new ArrayBuffer(2))],
  ["an AbortSignal", () => new AbortController().signal],
  ["a ReadableStream", () => new ReadableStream()],
  ["globalThis", () => globalThis],
  ["Math", () => Math],
  [
    "arguments",
    () =>
      (function (..._: ReadonlyArray<unknown>) {
        // biome-ignore lint/complexity/noArguments: that is what is odd about it.
        return arguments
      })(1, 2)
  ],
  ["a Proxy of nothing but a record", () => new Proxy({ a: 1 }, {})],
  ["a Proxy of a function", () => new Proxy(() => 1, {})],
  ["a Proxy of an array", () => new Proxy([1, 2], {})],
  ["a Proxy all of whose traps throw", () => new Proxy({}, allTraps)],
  ["a Proxy of an error all of whose traps throw", () => new Proxy(new Error("behind"), allTraps)],
  ["a revoked Proxy", () => revoked({})],
  ["a revoked Proxy of an error", () => revoked(new Error("behind"))],
  ["a revoked Proxy of a function", () => revoked(() => 1)],
  ["a Proxy that has each key", () => new Proxy({}, { get: (_, key) => key, has: () => true })],
  ...trapped("get"),
  ...trapped("ownKeys"),
  ...trapped("getPrototypeOf"),
  ...trapped("getOwnPropertyDescriptor"),
  ...trapped("has"),
  ["an error", () => new RangeError("out of range")],
  ["an error without a message", () => new Error()],
  ["an error of 10 MB", once(() => new Error("x".repeat(10_000_000)))],
  ["an error that is its own cause", cyclic],
  ["errors that are each other's cause", ring],
  ["an error with 100,000 causes", once(() => chain(100_000))],
  ["an error whose cause is a symbol", () => new Error("odd", { cause: Symbol("cause") })],
  ["an error whose cause is a revoked Proxy", () => new Error("odd", { cause: revoked({}) })],
  ["an error whose cause throws", () => withProperties({ cause: throwing })],
  ["an error whose cause is null", () => new Error("odd", { cause: null })],
  [
    "an error with a field that refers to it",
    () => {
      const error = new Error("odd")
      return Object.assign(error, { self: error, deep: { list: [error] } })
    }
  ],
  ["an error with a function", () => Object.assign(new Error("odd"), { retry: () => 1 })],
  ["an error with a Proxy", () => Object.assign(new Error("odd"), { proxy: new Proxy({}, allTraps) })],
  ["an error with an own __proto__", () => withProperties({ __proto__: plain({ polluted: true }) })],
  ["an error with a throwing field", () => withProperties({ field: throwing })],
  ["an error whose message throws", () => withProperties({ message: throwing })],
  ["an error whose message is a symbol", () => withProperties({ message: plain(Symbol("message")) })],
  ["an error whose message is a record", () => withProperties({ message: plain({ text: "odd" }) })],
  ["an error whose message has no prototype", () => withProperties({ message: plain(Object.create(null)) })],
  ["an error whose name throws", () => withProperties({ name: throwing })],
  ["an error whose name is a symbol", () => withProperties({ name: plain(Symbol("name")) })],
  ["an error whose class names it by a symbol", () => new Nameless("odd")],
  ["an error whose class's message throws", () => new Late()],
  ["an error whose stack throws", () => withProperties({ stack: throwing })],
  ["an error whose stack is a number", () => withProperties({ stack: plain(7) })],
  ["an error whose stack is undefined", () => withProperties({ stack: plain(undefined) })],
  ["an error whose toString throws", () => withProperties({ toString: plain(boom) })],
  ["an error whose toJSON throws", () => withProperties({ toJSON: plain(boom) })],
  ["an error whose Symbol.toPrimitive throws", () => Object.assign(new Error("odd"), { [Symbol.toPrimitive]: boom })],
  ["an error of a null prototype", () => Object.setPrototypeOf(new Error("odd"), null)],
  ["a frozen error", () => Object.freeze(new Error("frozen"))],
  ["a frozen error that is its own cause", () => Object.freeze(cyclic())],
  ["an error with a detached array", () => Object.assign(new Error("odd"), { data: detached() })],
  ["an error with a sparse array", () => Object.assign(new Error("odd"), { list: Object.assign([], { length: 3 }) })],
  ["an error with a class instance", () => Object.assign(new Error("odd"), { point: new Point() })],
  ["an error with a promise", () => Object.assign(new Error("odd"), { promise: Promise.resolve() })],
  [
    "an error with 10,000 errors",
    once(() => Object.assign(new Error("odd"), Object.fromEntries(many(10_000).map((error, at) => [`e${at}`, error]))))
  ],
  ["an AggregateError", () => new AggregateError([new Error("a"), "b", Symbol("c")], "many")],
  [
    "an AggregateError that holds itself",
    () => {
      const error = new AggregateError([], "itself")
      error.errors.push(error)
      return error
    }
  ],
  ["an AggregateError whose errors are none", () => withProperties({ errors: plain(7) }, new AggregateError([], "x"))],
  ["a DOMException", () => new DOMException("stopped", "AbortError")],
  ["a SyntaxError", () => new SyntaxError("odd")],
  ["an error that says it is a StageError", () => Object.assign(new Error("odd"), { _tag: "StageError" })],
  ["a tagged error", () => new Tagged({ value: 1 })],
  [
    "a tagged error with itself",
    () => {
      const value: Record<string, unknown> = {}
      const error = new Tagged({ value })
      value["error"] = error
      return error
    }
  ],
  ["a tagged error with a function", () => new Tagged({ value: () => 1 })],
  ["a tagged error with a revoked Proxy", () => new Tagged({ value: revoked({}) })],
  ["a tagged error whose message throws", () => new Messaged({ value: {} })],
  ["an Effect", () => Effect.void],
  ["an Exit", () => Exit.die(new Error("odd"))],
  ["a Cause", () => Cause.parallel(Cause.fail(1), Cause.die(cyclic()))],
  ["an Option", () => Option.some(1)]
]

/** Those that have upset an encoder: they are thrown where a run each is needed. */
export const oddest: ReadonlyArray<string> = [
  "undefined",
  "a symbol",
  "a function",
  "a record of a null prototype",
  "a record that refers to itself",
  "a typed array that is detached",
  "a Proxy all of whose traps throw",
  "a revoked Proxy of an error",
  "an error that is its own cause",
  "an error with 100,000 causes",
  "an error whose message throws",
  "an error whose name is a symbol",
  "an error with a field that refers to it",
  "a tagged error with itself"
]
