/**
 * Columns that cannot be sent from the member that built them: which one, and why.
 *
 * @since 0.1.0
 */

import { isRecord } from "../../../core/Record.ts"
import { shown } from "../../../core/Show.ts"
import type { Tensor } from "../../../core/Tensor.ts"
import { takeTensors } from "./BatchCodec.ts"

/** How deep, and how wide, a value is searched. */
const DEEPEST = 8
const WIDEST = 1000

/** The error that says what of a batch could not be sent, when sending it threw `thrown`. @since 0.1.0 */
export const notSendable = (batch: unknown, thrown: unknown): Error =>
  new Error(
    `${pathIn(batch, false)} cannot be sent from where the batch was built (${shown(thrown)}). Collate to tensors, typed arrays, strings, numbers, or ` +
      "records and lists of these; or run on fibers"
  )

/** What of a batch would not arrive as it is here, and why; nothing if all does. @since 0.1.0 */
export const changedOnArrival = (batch: unknown): string | undefined => {
  try {
    takeTensors(batch, [], true)
    return undefined
  } catch (thrown) {
    return `${pathIn(batch, true)} cannot be sent from a thread as it is (${shown(thrown)})`
  }
}

const pathIn = (batch: unknown, strict: boolean): string => partOf("", batch, 0, strict) ?? "the batch"

/** The path to what cannot be sent; none where all can. */
const pathOf = (path: string, value: unknown, depth: number, strict: boolean): string | undefined => {
  try {
    const tensors: Array<Tensor> = []
    const taken = takeTensors(value, tensors, strict)
    if (!strict) {
      structuredClone(taken)
      structuredClone(tensors.map(({ data }) => data))
    }
    return undefined
  } catch {
    return (depth < DEEPEST ? partOf(path, value, depth, strict) : undefined) ?? path
  }
}

const partOf = (path: string, value: unknown, depth: number, strict: boolean): string | undefined => {
  let keys: ReadonlyArray<string> = []
  try {
    if (Array.isArray(value) || isRecord(value)) keys = Object.keys(value).slice(0, WIDEST)
  } catch {
    return undefined
  }
  for (const key of keys) {
    const at = Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`
    try {
      const own = pathOf(at, Reflect.get(value as object, key), depth + 1, strict) // it has keys
      if (own !== undefined) return own
    } catch {
      return at // reading it throws
    }
  }
  return undefined
}
