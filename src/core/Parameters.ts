/**
 * The parameters of stages, samplers and datasets, as far as they change what a run delivers. A cursor holds them as text,
 * so that a run is not resumed with other parameters by accident.
 *
 * What a user's function does cannot be seen. Its author can declare what it depends on: the option `parameters` of
 * `Pipeline.map`, `Pipeline.augment`, `Dataset.map`, `Image.custom` and similar functions, and the field of that name of
 * samplers.
 *
 * @since 0.1.0
 */

import { encodeHex } from "effect/Encoding"
import { bytesOf } from "./CanonicalBytes.ts"
import { InvalidOption } from "./InvalidOption.ts"
import { wellFormed } from "./NameHash.ts"
import { sha256, sha256Stream } from "./runtime.ts"
import { isTypedArray, type TypedArray } from "./Tensor.ts"

/**
 * A value that can be compared: numbers, strings, booleans, bigints, typed arrays, and lists and records of these.
 *
 * @category models
 * @since 0.1.0
 */
export type Parameter =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | TypedArray
  | Made
  | ReadonlyArray<Parameter>
  | { readonly [name: string]: Parameter }

/** Parameters by name. Their order does not matter. @category models @since 0.1.0 */
export type Parameters = Readonly<Record<string, Parameter>>

/** The option of functions that take a user's function, whose code cannot be seen. @category options @since 0.1.0 */
export interface ParametersOption {
  /**
   * What the function depends on besides its arguments, such as `{ sigma: 0.1 }` or `{ version: 2 }`. A cursor of a run
   * with other parameters is refused. Arrays are read once, and hashed if they are long. Default: not compared.
   */
  readonly parameters?: Parameters
}

/** See {@link Made}. @since 0.1.0 */
export const DECLARED: unique symbol = Symbol("declared")

/** Marks a {@link Made}. @since 0.1.0 */
export const MadeTypeId: unique symbol = Symbol.for("furrow/Made/TypeId")

/** Whether a value is a {@link Made}. @since 0.1.0 */
export const isMade = (value: unknown): value is Made =>
  typeof value === "object" && value !== null && MadeTypeId in value

/**
 * A value by the name of its constructor and the parameters that it was made with.
 *
 * @since 0.1.0
 */
export class Made {
  readonly [MadeTypeId] = true
  /** The constructor's name, such as `randomCrop`. */
  readonly name: string
  /** `undefined` if they are neither known nor declared. */
  readonly parameters: Parameters | undefined
  /** In words, which part cannot be seen; {@link DECLARED} if that part was declared in another way. */
  readonly unseen: string | undefined | typeof DECLARED

  constructor(name: string, parameters: Parameters | undefined, unseen?: string | typeof DECLARED) {
    this.name = name
    this.parameters = parameters
    this.unseen = unseen
  }
}

// The property is not part of the function's type: TypeScript would no longer infer generic functions through
// `Pipeline.augment`.
const MADE: unique symbol = Symbol.for("furrow/Made")

/** Declares the parameters of a function of this library, as a property of it, and returns the function. @since 0.1.0 */
export const declare = <F extends object>(value: F, name: string, parameters: Parameters | undefined): F =>
  Object.defineProperty(value, MADE, { value: new Made(name, parameters) })

/** Returns what was declared of a function, if anything. @since 0.1.0 */
export const declared = (value: unknown): Made | undefined =>
  // Only `declare` sets the property.
  typeof value === "function" && MADE in value ? (value[MADE] as Made) : undefined

/** Lists, records and `Made` deeper than this are assumed to contain themselves. */
const DEEPEST = 32

/**
 * Returns `value` if it is a record of parameters or `undefined`. Otherwise throws `InvalidOption`, which names the path.
 *
 * @since 0.1.0
 */
export const valid = (option: string, value: unknown): Parameters | undefined => {
  if (value === undefined) return undefined
  if (typeof value !== "object" || value === null || Array.isArray(value) || isTypedArray(value)) {
    throw new InvalidOption({ option, value, expected: 'a record, such as { sigma: 0.1 } or { version: "2" }' })
  }
  walk(option, value, 0)
  return value as Parameters // as `walk` has seen, each of its values is a Parameter
}

const walk = (path: string, value: unknown, depth: number): void => {
  if (depth > DEEPEST) {
    const expected = `no more than ${DEEPEST} levels deep, and not contain itself`
    throw new InvalidOption({ option: path.slice(0, 80), value: "…", expected })
  }
  if (value === null || value === undefined || isTypedArray(value)) return
  if (isMade(value)) {
    walk(`${path}.${value.name}`, value.parameters, depth + 1)
  } else if (Array.isArray(value)) {
    for (let place = 0; place < value.length; place++) {
      if (typeof value[place] !== "number") walk(`${path}[${place}]`, value[place], depth + 1)
    }
  } else if (typeof value === "object" && isPlain(value)) {
    for (const [key, own] of Object.entries(value)) walk(`${path}.${key}`, own, depth + 1)
  } else if (typeof value === "object" || typeof value === "function" || typeof value === "symbol") {
    const expected = "a number, string, boolean, bigint, typed array, or a list or record of these"
    throw new InvalidOption({ option: path, value: typeof value === "symbol" ? String(value) : value, expected })
  }
}

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Arrays of up to this many elements are written out; longer ones are hashed. */
const WRITTEN = 8
/** Strings and lists up to this length are written out. */
const SHORT = 80

/**
 * Returns the parameter as text. Equal texts mean equal parameters (or a collision of 48 bits of SHA-256, which represent
 * long arrays and strings). The text is the same in every process and runtime.
 *
 * @since 0.1.0
 */
export const text = (parameter: Parameter): string => {
  if (typeof parameter === "number") return Object.is(parameter, -0) ? "-0" : String(parameter)
  if (typeof parameter === "string") {
    const own = wellFormed(parameter)
    return own.length <= SHORT ? JSON.stringify(own) : `${own.length} characters #${short(own)}`
  }
  if (typeof parameter === "bigint") return `${parameter}n`
  if (typeof parameter !== "object" || parameter === null) return String(parameter)
  if (isMade(parameter)) return `${parameter.name}(${fields(parameter.parameters)})`
  if (isTypedArray(parameter)) return typed(parameter)
  if (isList(parameter)) return list(parameter)
  return `{${fields(parameter)}}`
}

/** `Array.isArray`, whose own type does not cover read-only arrays. */
const isList = (value: object): value is ReadonlyArray<Parameter> => Array.isArray(value)

/** Names in order, but `of` last, since it can be long. */
const fields = (parameters: Parameters | undefined): string => {
  if (parameters === undefined) return "?"
  const names = Object.keys(parameters).toSorted((a, b) => Number(a === "of") - Number(b === "of") || (a < b ? -1 : 1))
  return names.map((name) => `${word(name)}: ${text(parameters[name])}`).join(", ")
}

/** Returns a plain name as it is, and any other in quotes, so that it cannot be mistaken for something else. @since 0.1.0 */
export const word = (name: string): string => (/^[\p{L}\p{N}_][\p{L}\p{N}_ .-]{0,60}$/u.test(name) ? name : text(name))

/** Returns the first 12 hexadecimal digits of SHA-256. @since 0.1.0 */
export const short = (data: string | Uint8Array): string => encodeHex(sha256(data).subarray(0, 6))

/** The hashes of long arrays, which take a millisecond per megabyte. */
const hashes = new WeakMap<object, string>()

const remembered = (array: object, make: () => string): string => {
  const known = hashes.get(array)
  if (known !== undefined) return known
  const own = make()
  hashes.set(array, own)
  return own
}

const typed = (array: TypedArray): string => {
  const kind = array.constructor.name.replace("Array", "").toLowerCase()
  if (array.length <= WRITTEN) return `${kind} [${Array.from<number | bigint, string>(array, text).join(", ")}]`
  return `${kind} [${array.length}] #${remembered(array, () => short(bytesOf(array)))}`
}

const list = (items: ReadonlyArray<Parameter>): string => {
  if (items.length <= WRITTEN) {
    const own = `[${items.map(text).join(", ")}]`
    if (own.length <= SHORT || items.some((item) => isMade(item))) return own
    return `[${items.length} values #${short(own)}]`
  }
  const hash = remembered(items, () => {
    if (items.every((item) => typeof item === "number")) return short(bytesOf(Float64Array.from(items)))
    const stream = sha256Stream()
    for (const item of items) stream.update(`${text(item)}\n`)
    return stream.digest("hex").slice(0, 12)
  })
  return `[${items.length} values #${hash}]`
}

/** Returns, in words, what of a parameter is neither known nor declared. @since 0.1.0 */
export const unseen = (parameter: Parameter): ReadonlyArray<string> => {
  if (typeof parameter !== "object" || parameter === null || isTypedArray(parameter)) return []
  if (isMade(parameter)) {
    if (parameter.unseen === DECLARED) return []
    return [...(parameter.unseen === undefined ? [] : [parameter.unseen]), ...unseen(parameter.parameters)]
  }
  if (isList(parameter)) return parameter.length > WRITTEN ? [] : parameter.flatMap(unseen)
  return Object.values(parameter).flatMap(unseen)
}
