/**
 * Arrow's types and fields, as plain values. The Arrow columnar format 1.5 names them:
 * https://arrow.apache.org/docs/format/Columnar.html
 *
 * @since 0.1.0
 */

/** Units of times: the value counts them. @since 0.1.0 */
export type TimeUnit = "s" | "ms" | "us" | "ns"

/** @since 0.1.0 */
export type IntervalUnit = "months" | "dayTime" | "monthDayNano" | "monthDayMs"

/** @since 0.1.0 */
export type ArrowType =
  | { readonly kind: "null" | "bool" | "struct" | "map" | "runEnds" }
  | { readonly kind: "int"; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }
  | { readonly kind: "float"; readonly bits: 16 | 32 | 64 }
  | {
      readonly kind: "decimal"
      readonly bits: 32 | 64 | 128 | 256
      readonly scale: number
      readonly precision?: number
    }
  | { readonly kind: "date"; readonly unit: "day" | "ms" }
  | { readonly kind: "time"; readonly unit: TimeUnit }
  | { readonly kind: "timestamp"; readonly unit: TimeUnit; readonly zone?: string }
  | { readonly kind: "duration"; readonly unit: TimeUnit }
  /** `monthDayMs` is not of Arrow but of Parquet. */
  | { readonly kind: "interval"; readonly unit: IntervalUnit }
  /** `wide`: offsets of 64 bits. */
  | { readonly kind: "binary" | "utf8" | "list" | "listView"; readonly wide: boolean }
  | { readonly kind: "binaryView" | "utf8View" }
  | { readonly kind: "fixedBinary"; readonly width: number }
  /** Not of Arrow but of Parquet: 12 bytes, the nanoseconds of a day and the day, counted as Julian days. */
  | { readonly kind: "int96" }
  | { readonly kind: "fixedList"; readonly size: number }
  | { readonly kind: "union"; readonly dense: boolean; readonly ids: ReadonlyArray<number> }

/** @since 0.1.0 */
export interface ArrowField {
  readonly name: string
  readonly type: ArrowType
  readonly children: ReadonlyArray<ArrowField>
  /** Whether its schema says that values may be null. Default: it is not known. */
  readonly nullable?: boolean | undefined
  /** If the values stand in a dictionary: its number, and the type of the indices. `type` is that of the values. */
  readonly dictionary?: { readonly id: number; readonly indices: ArrowType } | undefined
}

/** How many bytes a value takes in a buffer of values of one width; 0 for types that have no such buffer. @since 0.1.0 */
export const widthOf = (type: ArrowType): number => {
  switch (type.kind) {
    case "int":
    case "float":
    case "decimal":
      return type.bits / 8
    case "date":
      return type.unit === "day" ? 4 : 8
    case "time":
      return type.unit === "s" || type.unit === "ms" ? 4 : 8
    case "timestamp":
    case "duration":
      return 8
    case "interval":
      return { months: 4, dayTime: 8, monthDayNano: 16, monthDayMs: 12 }[type.unit]
    case "binaryView":
    case "utf8View":
      return 16
    case "fixedBinary":
      return type.width
    case "int96":
      return 12
    default:
      return 0
  }
}

/** Returns a type as text, such as `int32` or `list<utf8>`: equal texts, equal types. @since 0.1.0 */
export const shownType = (field: ArrowField): string => {
  const { children, type } = field
  const inner = children.length === 0 ? "" : `<${children.map((own) => `${own.name}: ${shownType(own)}`).join(", ")}>`
  switch (type.kind) {
    case "int":
      return `${type.signed ? "int" : "uint"}${type.bits}`
    case "float":
      return `float${type.bits}`
    case "decimal":
      return `decimal${type.bits}(scale ${type.scale})`
    case "date":
    case "time":
    case "timestamp":
    case "duration":
    case "interval":
      return `${type.kind}[${type.unit}]`
    case "fixedBinary":
      return `fixedBinary[${type.width}]`
    case "fixedList":
      return `fixedList[${type.size}]${inner}`
    default:
      // Whether offsets are wide or not, and whether there is a dictionary, does not show in the values.
      return `${type.kind.replace("View", "")}${inner}`
  }
}

/** Returns a type for people, such as `decimal(10, 2)` or `list<utf8?>?`: with `?` where values may be null. @since 0.1.0 */
export const namedType = (field: ArrowField): string => {
  const { children, type } = field
  const inner = children.map((own) => namedType(own))
  const plain = (): string => {
    switch (type.kind) {
      case "decimal":
        return `decimal(${type.precision ?? ""}, ${type.scale})`
      case "date":
        return "date"
      case "timestamp":
        return `timestamp[${type.unit}${type.zone === undefined ? "" : `, ${type.zone}`}]`
      case "fixedBinary":
        return `fixed[${type.width}]`
      case "list":
      case "listView":
        return `list<${inner.join()}>`
      case "fixedList":
        return `list[${type.size}]<${inner.join()}>`
      case "map":
        return `map<${children[0]?.children.map((own) => namedType(own)).join(", ")}>`
      case "struct":
      case "union":
        return `${type.kind}<${children.map((own, at) => `${own.name} ${inner[at]}`).join(", ")}>`
      case "runEnds":
        return inner[1] ?? ""
      default:
        return shownType(field)
    }
  }
  return `${plain()}${field.nullable === true ? "?" : ""}`
}
