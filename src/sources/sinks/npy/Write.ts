/**
 * Writes NumPy's files of one array.
 *
 * @since 0.1.0
 */
import { ArraysEncoder, type ArraysSchema, shown } from "../columns/Arrays.ts"
import { NotColumn } from "../columns/ColumnBuilder.ts"
import type { Encoder } from "../SinkFormat.ts"
import { headerOf } from "./Array.ts"

/** @since 0.1.0 */
export const npyEncoder = (schema: ArraysSchema | undefined): Encoder =>
  new ArraysEncoder(
    schema,
    ([column]) => {
      const { dtype = "float64", shape = [] } = column?.type ?? {}
      return Buffer.concat([headerOf(dtype, [column?.rows ?? 0, ...shape]), column?.bytes ?? new Uint8Array(0)])
    },
    (names) => {
      if (names.length === 1) return
      throw new NotColumn(`a row has the fields ${shown(names)}, and may have 1; map it, or write safetensors`)
    }
  )
