/**
 * Reads Arrow's schemas from their FlatBuffers: `Schema.fbs` of the Arrow project.
 *
 * @since 0.1.0
 */

import { AGAIN, Malformed } from "../Malformed.ts"
import type { ArrowField, ArrowType, TimeUnit } from "./ArrowType.ts"
import type { FlatBuffer } from "./FlatBuffer.ts"

/** Fields within fields deeper than this are refused. */
const DEEPEST = 64

/** The fields of the schema at a table. Throws {@link Malformed}. @since 0.1.0 */
export const schemaAt = (flat: FlatBuffer, schema: number): ReadonlyArray<ArrowField> => {
  if (flat.int16(schema, 0) !== 0) {
    throw new Malformed("its numbers are big-endian, which is not supported; write it on a little-endian machine")
  }
  return flat.tables(schema, 1).map((field) => fieldAt(flat, field, 0))
}

const fieldAt = (flat: FlatBuffer, field: number, depth: number): ArrowField => {
  if (depth > DEEPEST) throw new Malformed(`its fields are nested more than ${DEEPEST} deep; ${AGAIN}`)
  const type = typeAt(flat, flat.uint8(field, 2), flat.table(field, 3))
  const children = flat.tables(field, 5).map((child) => fieldAt(flat, child, depth + 1))
  const name = flat.text(field, 0)
  const wanted = childrenOf(type)
  if (wanted !== undefined && children.length !== wanted) {
    throw new Malformed(`field "${name}" of type ${type.kind} has ${children.length} children, not ${wanted}; ${AGAIN}`)
  }
  const encoding = flat.table(field, 4)
  const nullable = flat.uint8(field, 1) !== 0
  if (encoding === 0) return { name, type, children, nullable }
  const indices = flat.table(encoding, 1)
  // The default is int32.
  const own = indices === 0 ? ({ kind: "int", bits: 32, signed: true } as const) : intAt(flat, indices)
  return { name, type, children, nullable, dictionary: { id: flat.int64(encoding, 0), indices: own } }
}

const childrenOf = (type: ArrowType): number | undefined => {
  switch (type.kind) {
    case "struct":
    case "union":
      return undefined
    case "list":
    case "listView":
    case "fixedList":
    case "map":
      return 1
    case "runEnds":
      return 2
    default:
      return 0
  }
}

const oneOf = <const A>(what: string, values: ReadonlyArray<A>, index: number): A => {
  const value = values[index]
  if (value === undefined) throw new Malformed(`its schema has an unknown ${what}, ${index}; ${AGAIN}`)
  return value
}

const intAt = (flat: FlatBuffer, table: number): ArrowType => {
  const bits = flat.int32(table, 0)
  return {
    kind: "int",
    bits: oneOf("width of integers", [8, 16, 32, 64], [8, 16, 32, 64].indexOf(bits)),
    signed: flat.uint8(table, 1) !== 0
  }
}

const UNITS: ReadonlyArray<TimeUnit> = ["s", "ms", "us", "ns"]

const sizeAt = (flat: FlatBuffer, table: number): number => {
  const size = flat.int32(table, 0)
  if (size < 0) throw new Malformed(`its schema has a size of ${size}; ${AGAIN}`)
  return size
}

const timeAt = (flat: FlatBuffer, table: number): ArrowType => {
  const unit = oneOf("unit", UNITS, flat.int16(table, 0, 1))
  const bits = flat.int32(table, 1, 32)
  if (bits === (unit === "s" || unit === "ms" ? 32 : 64)) return { kind: "time", unit }
  throw new Malformed(`its schema has times in ${unit} of ${bits} bits; ${AGAIN}`)
}

const timestampAt = (flat: FlatBuffer, table: number): ArrowType => {
  const unit = oneOf("unit", UNITS, flat.int16(table, 0))
  const zone = flat.text(table, 1)
  return zone === "" ? { kind: "timestamp", unit } : { kind: "timestamp", unit, zone }
}

const unionAt = (flat: FlatBuffer, table: number): ArrowType => {
  const { at, length } = flat.vector(table, 1, 4)
  const ids = Array.from({ length }, (_, place) => flat.int32At(at + 4 * place))
  return { kind: "union", dense: flat.int16(table, 0) === 1, ids }
}

const typeAt = (flat: FlatBuffer, tag: number, table: number): ArrowType => {
  if (tag !== 0 && table === 0) throw new Malformed(`its schema has a type without its parameters; ${AGAIN}`)
  switch (tag) {
    case 1:
      return { kind: "null" }
    case 2:
      return intAt(flat, table)
    case 3:
      return { kind: "float", bits: oneOf("precision", [16, 32, 64], flat.int16(table, 0)) }
    case 4:
      return { kind: "binary", wide: false }
    case 5:
      return { kind: "utf8", wide: false }
    case 6:
      return { kind: "bool" }
    case 7: {
      const own = flat.int32(table, 2, 128)
      const bits = oneOf("width of decimals", [32, 64, 128, 256], [32, 64, 128, 256].indexOf(own))
      const scale = flat.int32(table, 1)
      if (Math.abs(scale) > 1000) throw new Malformed(`its schema has a decimal scale of ${scale}; ${AGAIN}`)
      return { kind: "decimal", bits, scale, precision: flat.int32(table, 0) }
    }
    case 8:
      return { kind: "date", unit: oneOf("unit of dates", ["day", "ms"], flat.int16(table, 0, 1)) }
    case 9:
      return timeAt(flat, table)
    case 10:
      return timestampAt(flat, table)
    case 11:
      return { kind: "interval", unit: oneOf("unit", ["months", "dayTime", "monthDayNano"], flat.int16(table, 0)) }
    case 12:
      return { kind: "list", wide: false }
    case 13:
      return { kind: "struct" }
    case 14:
      return unionAt(flat, table)
    case 15:
      return { kind: "fixedBinary", width: sizeAt(flat, table) }
    case 16:
      return { kind: "fixedList", size: sizeAt(flat, table) }
    case 17:
      return { kind: "map" }
    case 18:
      return { kind: "duration", unit: oneOf("unit", UNITS, flat.int16(table, 0, 1)) }
    case 19:
      return { kind: "binary", wide: true }
    case 20:
      return { kind: "utf8", wide: true }
    case 21:
      return { kind: "list", wide: true }
    case 22:
      return { kind: "runEnds" }
    case 23:
      return { kind: "binaryView" }
    case 24:
      return { kind: "utf8View" }
    case 25:
      return { kind: "listView", wide: false }
    case 26:
      return { kind: "listView", wide: true }
    default:
      throw new Malformed(`its schema has an unknown type, number ${tag}; write it with the types of Arrow 1.5`)
  }
}
