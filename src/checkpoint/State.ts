/**
 * The trainer's own part of a checkpoint: what must not disagree with where the data stands.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { isProxy } from "../core/runtime.ts"
import { CheckpointError } from "./CheckpointError.ts"

/**
 * What JSON can hold and gives back as it was: no `-0`, no `undefined`, nothing of a class.
 *
 * @category models
 * @since 0.1.0
 */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/**
 * What a trainer keeps beside the cursor: weights and optimizer as bytes, steps and logs as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  /** Default `null`. */
  readonly json?: Json
  /** Records by name. Default none. */
  readonly bytes?: Readonly<Record<string, Uint8Array>>
}

/** A value that contains itself has no end. */
const DEEPEST = 512
/** So many values in `json`: what refers to one list many times over would never be written. */
const MOST = 2 ** 22

/** What is wrong with a part of the state, and where. */
interface Lost {
  readonly place: string
  readonly what: string
}

/** The name of a value's class, in whatever way it hides it. */
const className = (value: object): string => {
  try {
    return String(value.constructor.name) || "a class without a name"
  } catch {
    return "an unknown class"
  }
}

/** Where a key stands, however long it is. */
const at = (place: string, key: string | number): string =>
  `${place}.${typeof key === "number" || /^[\p{L}\p{N}_$-]{1,40}$/u.test(key) ? key : JSON.stringify(key.slice(0, 40))}`

/**
 * The first of an object's own properties that is not a plain value by a plain name, which JSON would drop or a getter
 * could change.
 */
const property = (value: object, place: string): Lost | undefined => {
  for (const key of Reflect.ownKeys(value)) {
    if (typeof key === "symbol") return { place, what: `has a symbol for a key, ${String(key)}` }
    if (Array.isArray(value) && (key === "length" || /^(0|[1-9]\d*)$/.test(key))) continue
    if (Array.isArray(value)) return { place: at(place, key), what: "is a property of an array besides its items" }
    if (key === "__proto__") return { place: at(place, key), what: "is a key that records are not read back with" }
    const own = Object.getOwnPropertyDescriptor(value, key)
    if (own !== undefined && !("value" in own)) return { place: at(place, key), what: "is a getter or setter" }
    if (own?.enumerable === false) return { place: at(place, key), what: "is not enumerable" }
  }
  return undefined
}

/** The first value that JSON would lose or change; `undefined` if there is none. */
const lost = (value: unknown, place: string, depth: number, seen: { values: number }): Lost | undefined => {
  seen.values++
  if (seen.values > MOST) return { place: "state.json", what: `has more than ${MOST} values` }
  if (depth > DEEPEST) return { place: `${place.slice(0, 80)}…`, what: `lies deeper than ${DEEPEST} levels` }
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined
  if (typeof value === "number") {
    if (Number.isFinite(value) && !Object.is(value, -0)) return undefined
    return { place, what: `is ${Object.is(value, -0) ? "-0" : value}` }
  }
  if (typeof value !== "object") {
    return { place, what: `is ${typeof value === "undefined" ? "undefined" : `a ${typeof value}`}` }
  }
  if (isProxy(value)) return { place, what: "is a Proxy" }
  const prototype: unknown = Object.getPrototypeOf(value)
  const list = Array.isArray(value)
  if (list ? prototype !== Array.prototype : prototype !== Object.prototype && prototype !== null) {
    return { place, what: `is an object of ${className(value)}` }
  }
  const odd = property(value, place)
  if (odd !== undefined) return odd
  if (!Object.hasOwn(value, "toJSON") && "toJSON" in value) return { place, what: "inherits a toJSON" }
  if (list) {
    for (let item = 0; item < value.length; item++) {
      const own = Object.getOwnPropertyDescriptor(value, item)
      if (own !== undefined && !("value" in own)) return { place: at(place, item), what: "is a getter or setter" }
      const found = lost(own?.value, at(place, item), depth + 1, seen)
      if (found !== undefined) return found
    }
    return undefined
  }
  for (const [key, own] of Object.entries(value)) {
    const found = lost(own, at(place, key), depth + 1, seen)
    if (found !== undefined) return found
  }
  return undefined
}

/** What is wrong with a record of bytes. */
const foreign = (record: unknown, place: string): Lost | undefined => {
  if (isProxy(record)) return { place, what: "is a Proxy" }
  if (!(record instanceof Uint8Array)) return { place, what: "is no Uint8Array" }
  try {
    // Throws if the memory is gone: the length of such an array is 0, as of one that was empty all along.
    Uint8Array.prototype.at.call(record, 0)
    return undefined
  } catch {
    return { place, what: "lies in memory that is gone: its buffer was transferred, or made smaller" }
  }
}

/** What is wrong with `value` as a record of values by name, before it is looked at what they are. */
const record = (value: unknown, place: string): Lost | undefined => {
  if (Effect.isEffect(value)) return { place, what: "is an Effect that was not run; write `yield*` before it" }
  if (typeof value !== "object" || value === null)
    return { place, what: `is ${value === null ? "null" : typeof value}` }
  if (isProxy(value)) return { place, what: "is a Proxy" }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return undefined
  return { place, what: Array.isArray(value) ? "is an array" : `is an object of ${className(value)}` }
}

/** The first key that is not one of `names`. */
const unknown = (value: object, place: string, names: ReadonlyArray<string>): Lost | undefined => {
  const key = Reflect.ownKeys(value).find((own) => typeof own === "symbol" || !names.includes(own))
  if (key === undefined) return undefined
  return { place: at(place, String(key)), what: `would not be kept: only ${names.join(" and ")} are` }
}

/** What is wrong with a state, if anything. */
const wrongWith = (state: unknown): Lost | undefined => {
  const outer = record(state, "state")
  if (outer !== undefined) return outer
  const own = state as object // as `record` has seen
  const odd = unknown(own, "state", ["json", "bytes"]) ?? property(own, "state")
  if (odd !== undefined) return odd
  const { bytes, json } = own as State // its values are looked at next
  const text = json === undefined ? undefined : lost(json, "state.json", 0, { values: 0 })
  if (text !== undefined || bytes === undefined) return text
  const inner = record(bytes, "state.bytes")
  if (inner !== undefined) return inner
  for (const key of Reflect.ownKeys(bytes)) {
    if (typeof key === "symbol") return { place: "state.bytes", what: `has a symbol for a key, ${String(key)}` }
    const place = at("state.bytes", key)
    const described = Object.getOwnPropertyDescriptor(bytes, key)
    if (described === undefined || !("value" in described)) return { place, what: "is a getter or setter" }
    if (!described.enumerable) return { place, what: "is not enumerable" }
    const found = foreign(described.value, place)
    if (found !== undefined) return found
  }
  return undefined
}

/** The error for what cannot be stored, of a checkpoint whose place may not be known yet. */
export type Refused = (path: string) => CheckpointError

/** The error for a state that cannot be stored. */
export const unstorable =
  (wrong: string): Refused =>
  (path) =>
    new CheckpointError({
      kind: "state",
      path,
      wrong: `cannot be written: ${wrong}`,
      remedy: "keep numbers, strings, booleans, lists and records in json, and all else as Uint8Array in bytes"
    })

/** The state with its defaults if all of it can be stored, and read back as it is; else the error, of kind `state`. */
export const check = (state: unknown): Either.Either<Required<State>, Refused> => {
  const wrong = state === undefined ? undefined : wrongWith(state)
  if (wrong !== undefined) return Either.left(unstorable(`${wrong.place.slice(0, 200)} ${wrong.what}`))
  const { bytes = {}, json = null } = (state ?? {}) as State // as `wrongWith` has seen
  return Either.right({ bytes, json })
}
