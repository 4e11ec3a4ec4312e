/**
 * Parquet's types as people name them: `int64`, `timestamp[us, UTC]`, `decimal(10, 2)`, `list<utf8>`, with `?` behind those that
 * may be null. They are made of the annotations, logical or converted, that an element of the schema has:
 * https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 *
 * @since 0.1.0
 */
import { type Struct, type ThriftReader, Type, type Value } from "./Thrift.ts"

/** An element of the schema with its name and type, and those below it. @since 0.1.0 */
export interface NamedType {
  readonly name: string
  /** Without what its repetition adds. */
  readonly plain: string
  readonly type: string
  readonly children: ReadonlyArray<NamedType>
}

const PHYSICAL = ["bool", "int32", "int64", "int96", "float32", "float64", "binary", "fixed"]

/** By the numbers of `ConvertedType`; the others are of groups, or have parameters. */
const CONVERTED: Readonly<Record<number, string>> = {
  0: "utf8",
  4: "enum",
  6: "date",
  7: "time[ms]",
  8: "time[us]",
  9: "timestamp[ms, UTC]",
  10: "timestamp[us, UTC]",
  11: "uint8",
  12: "uint16",
  13: "uint32",
  14: "uint64",
  15: "int8",
  16: "int16",
  17: "int32",
  18: "int64",
  19: "json",
  20: "bson",
  21: "interval"
}

/** By the fields of `LogicalType`, those without parameters. */
const LOGICAL: Readonly<Record<number, string>> = {
  1: "utf8",
  4: "enum",
  6: "date",
  11: "null",
  12: "json",
  13: "bson",
  14: "uuid",
  15: "float16"
}

const UNITS: Readonly<Record<number, string>> = { 1: "ms", 2: "us", 3: "ns" }

const OPTIONAL = 1
const REPEATED = 2

/** Returns the type of an element of the schema, whose children come with theirs. @since 0.1.0 */
export const namedType = (
  reader: ThriftReader,
  element: Struct,
  name: string,
  children: ReadonlyArray<NamedType>
): NamedType => {
  const number = (id: number, of: Struct = element): number | undefined => {
    const value = of.get(id)
    return value === undefined || value.type < Type.byte || value.type > Type.i64 ? undefined : reader.int(value)
  }
  const structOf = (value: Value | undefined): Struct =>
    value?.type === Type.struct ? reader.struct(value.start) : new Map()
  const logical = structOf(element.get(10))
  const converted = number(6)
  const timeOf = (kind: string, parameters: Struct): string => {
    const [unit] = structOf(parameters.get(2)).keys()
    const zone = parameters.get(1)?.type === Type.true && kind === "timestamp" ? ", UTC" : ""
    return `${kind}[${UNITS[unit ?? 0] ?? "?"}${zone}]`
  }
  const leaf = (): string => {
    const [kind] = logical.keys()
    const parameters = structOf(kind === undefined ? undefined : logical.get(kind))
    if (kind === 5 || converted === 5) return `decimal(${number(8) ?? 0}, ${number(7) ?? 0})`
    if (kind === 7) return timeOf("time", parameters)
    if (kind === 8) return timeOf("timestamp", parameters)
    if (kind === 10) return `${parameters.get(2)?.type === Type.false ? "uint" : "int"}${number(1, parameters) ?? ""}`
    const known = LOGICAL[kind ?? -1] ?? CONVERTED[converted ?? -1]
    if (known !== undefined) return known
    const physical = PHYSICAL[number(1) ?? -1] ?? "unknown"
    return physical === "fixed" ? `fixed[${number(2) ?? 0}]` : physical
  }
  const group = (): string => {
    const [only, ...others] = children
    const isAlone = only !== undefined && others.length === 0
    if (isAlone && (logical.has(3) || converted === 3)) {
      const [item, ...more] = only.children
      return `list<${more.length > 0 ? only.plain : (item?.type ?? only.plain)}>`
    }
    if (isAlone && (logical.has(2) || converted === 1 || converted === 2) && only.children.length === 2) {
      return `map<${only.children.map(({ type }) => type).join(", ")}>`
    }
    return `struct<${children.map((child) => `${child.name} ${child.type}`).join(", ")}>`
  }
  const plain = children.length > 0 ? group() : leaf()
  const repetition = number(3)
  const type = repetition === OPTIONAL ? `${plain}?` : repetition === REPEATED ? `list<${plain}>` : plain
  return { name, plain, type, children }
}
