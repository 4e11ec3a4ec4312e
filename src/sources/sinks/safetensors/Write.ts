/**
 * Writes safetensors files, a tensor a column.
 *
 * https://huggingface.co/docs/safetensors/index#format
 *
 * @since 0.1.0
 */
import type { DType } from "../../../core/DType.ts"
import { ArraysEncoder, type ArraysSchema } from "../columns/Arrays.ts"
import { halved, NotColumn } from "../columns/ColumnBuilder.ts"
import type { NumberColumn } from "../columns/Numbers.ts"
import type { Encoder } from "../SinkFormat.ts"

const DTYPES: Readonly<Record<DType | "bool", string>> = {
  bool: "BOOL",
  int8: "I8",
  uint8: "U8",
  int16: "I16",
  uint16: "U16",
  int32: "I32",
  uint32: "U32",
  int64: "I64",
  uint64: "U64",
  float32: "F32",
  float64: "F64"
}

const fileOf = (columns: ReadonlyArray<NumberColumn>): Uint8Array => {
  // Those of wide numbers first, so that each is aligned.
  const widths = (column: NumberColumn): number => Number(/\d+$/.exec(column.type?.dtype ?? "")?.[0] ?? 8)
  const ordered = columns.toSorted((one, other) => widths(other) - widths(one))
  let offset = 0
  const entries = ordered.map(({ bytes, name, rows, type }) => {
    const { dtype = "float64", shape = [] } = type ?? {}
    const own = [offset, offset + bytes.length]
    offset += bytes.length
    return [name, { dtype: DTYPES[dtype], shape: [rows, ...shape], data_offsets: own }] as const
  })
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  // Filled up with spaces, so that the tensors are aligned.
  const header = Buffer.alloc(Math.ceil(json.length / 8) * 8, 0x20)
  header.set(json)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header, ...ordered.map(({ bytes }) => bytes)])
}

/** What the format has its own use for in the header. */
const RESERVED = "__metadata__"

const named = (names: ReadonlyArray<string>): void => {
  for (const name of names) {
    if (name === RESERVED) throw new NotColumn(`field "${name}" is a name that safetensors keeps for itself; map it`)
    if (!name.isWellFormed()) throw new NotColumn(`field ${halved(name)}; map it`)
  }
}

/** @since 0.1.0 */
export const safetensorsEncoder = (schema: ArraysSchema | undefined): Encoder =>
  new ArraysEncoder(schema, fileOf, named)
