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

/** The error that says which of a batch's columns could not be sent, when sending them threw `thrown`. @since 0.1.0 */
export const notSendable = (batch: unknown, thrown: unknown): Error => {
  const path = pathOf("columns", columnsOf(batch), 0) ?? "the batch"
  return new Error(
    `${path} cannot be sent from where the batch was built (${shown(thrown)}). Collate to tensors, typed arrays, strings, numbers, or ` +
      "records and lists of these; or run on fibers"
  )
}

const columnsOf = (batch: unknown): unknown => {
  try {
    return isRecord(batch) ? batch["columns"] : batch
  } catch {
    return undefined
  }
}

/** The path to what cannot be cloned; none where all can. */
const pathOf = (path: string, value: unknown, depth: number): string | undefined => {
  try {
    const tensors: Array<Tensor> = []
    structuredClone(takeTensors(value, tensors))
    structuredClone(tensors.map(({ data }) => data))
    return undefined
  } catch {
    return (depth < DEEPEST ? partOf(path, value, depth) : undefined) ?? path
  }
}

const partOf = (path: string, value: unknown, depth: number): string | undefined => {
  let keys: ReadonlyArray<string> = []
  try {
    if (Array.isArray(value) || isRecord(value)) keys = Object.keys(value).slice(0, WIDEST)
  } catch {
    return undefined
  }
  for (const key of keys) {
    const at = Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`
    try {
      const own = pathOf(at, Reflect.get(value as object, key), depth + 1) // it has keys
      if (own !== undefined) return own
    } catch {
      return at // reading it throws
    }
  }
  return undefined
}
