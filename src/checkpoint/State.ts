/**
 * The trainer's own part of a checkpoint: what must not disagree with where the data stands.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { CheckpointError } from "./CheckpointError.ts"

/** What JSON can hold. `-0` comes back as `0`, as JSON has it. @since 0.1.0 */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/**
 * What a trainer keeps beside the cursor: weights and optimiser as bytes, steps and logs as JSON.
 *
 * @since 0.1.0
 */
export interface State {
  /** Default `null`. */
  readonly json?: Json
  /** Records by name. Default none. */
  readonly bytes?: Readonly<Record<string, Uint8Array>>
}

/** What holds itself has no end. */
const DEEPEST = 512

/** Where JSON would lose or change a value, and what it is; `undefined` where it would not. */
const lost = (value: unknown, place: string, depth: number): string | undefined => {
  if (depth > DEEPEST) return `${place.slice(0, 80)}… lies deeper than ${DEEPEST} levels`
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${place} is ${value}`
  if (typeof value !== "object")
    return `${place} is ${typeof value === "undefined" ? "undefined" : `a ${typeof value}`}`
  const prototype: unknown = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    return `${place} is an object of ${value.constructor?.name}`
  }
  // The elements of an array by hand: its entries leave out holes, which JSON makes null.
  const entries: Iterable<readonly [string | number, unknown]> = Array.isArray(value)
    ? Array.from(value, (item: unknown, at) => [at, item] as const)
    : Object.entries(value)
  for (const [key, item] of entries) {
    const found = lost(item, `${place}.${key}`, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** The state with its defaults, where all of it can be stored; else a `CheckpointError` of kind `state`. */
export const check = (path: string, state: State): Either.Either<Required<State>, CheckpointError> => {
  const { bytes = {}, json = null } = state
  const wrong =
    lost(json, "state.json", 0) ??
    Object.entries(bytes)
      .map(foreign)
      .find((found) => found !== undefined)
  if (wrong === undefined) return Either.right({ bytes, json })
  return Either.left(
    new CheckpointError({
      kind: "state",
      path,
      wrong: `cannot be written: ${wrong}`,
      remedy: "keep numbers, strings, booleans, lists and records in json, and all else as Uint8Array in bytes"
    })
  )
}

const foreign = ([name, record]: readonly [string, unknown]): string | undefined =>
  record instanceof Uint8Array ? undefined : `state.bytes.${name} is no Uint8Array`
