/**
 * A run as an Arrow stream: a schema, a record batch for each batch, and the end.
 *
 * Tensors are lists of one length with the extension `arrow.fixed_shape_tensor`; those of one axis are plain numbers. Lists of
 * texts, numbers and records are typed by the first batch that has rows. What Arrow's columns have no place for stands as
 * JSON under the key `furrow`: of the schema `{ cursor, batches }`, of each record batch `{ epoch, index, rank, worker, size,
 * indices, cursor }`. A run that fails ends with a batch of no rows and `{ error, message }`, followed by a truncated message, so
 * that no reader takes the stream for complete.
 *
 * @since 0.1.0
 */

import * as Data from "effect/Data"
import { dtypeOf, isTypedArray, type TypedArray } from "../core/DType.ts"
import { plural } from "../core/Plural.ts"
import { isRecord } from "../core/Record.ts"
import { Tensor } from "../core/Tensor.ts"
import type { Batch } from "../pipeline/Batch.ts"
import {
  batchMessage,
  type Column,
  type LaidColumn,
  schemaMessage,
  streamEnd
} from "../sources/sinks/arrow/Messages.ts"
import { ColumnBuilder, NotColumn } from "../sources/sinks/columns/ColumnBuilder.ts"
import type { Frame } from "./Frame.ts"

/**
 * A batch holds something that Arrow's record batches have no form for.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotArrow extends Data.TaggedError("NotArrow")<{
  /** Where it stands in the batch, such as `columns.image`. */
  readonly path: string
  readonly reason: string
}> {
  override get message(): string {
    return `${this.path} cannot be a column of Arrow: ${this.reason}; format=frames has any batch`
  }
}

/** A run failed before its first batch, so there is no schema. @since 0.1.0 */
export class RunFailed extends Data.TaggedError("RunFailed")<{ readonly tag: string; readonly message: string }> {}

type Begin = Extract<Frame, { readonly kind: "begin" }>
type Sent = Extract<Frame, { readonly kind: "batch" }>

/** The keys that lead to a column, the last of which is its name. */
type Keys = readonly [string, ...ReadonlyArray<string>]

const NONE = new Uint8Array(0)

/** What a message of 64 bytes begins with: readers that find no more of it say so. */
const CUT = new Uint8Array([255, 255, 255, 255, 64, 0, 0, 0])

/** Writes the stream of one run. @since 0.1.0 */
export class ArrowStream {
  readonly #begin: Begin
  /** The builders of columns that are lists of values, by the JSON of their keys; the first batch determines their types. */
  readonly #builders = new Map<string, ColumnBuilder>()
  /** The columns of the first batch that has rows, as text and as what is read. */
  #columns: string | undefined
  /** Batches without rows before it: the types of their lists are not known yet. */
  #held: Array<Sent> = []

  constructor(begin: Begin) {
    this.#begin = begin
  }

  /** Whether an error was written, after which nothing may follow. */
  isBroken = false

  /** Returns the bytes of a frame, which may be none. Throws {@link NotArrow} and {@link RunFailed} before it has begun. */
  take(frame: Frame): Uint8Array {
    switch (frame.kind) {
      case "batch":
        return this.#given(frame)
      case "end":
        return concat([...this.#rest(), streamEnd()])
      case "error":
        if (this.#columns === undefined) throw new RunFailed(frame)
        return this.#failed(frame.tag, frame.message)
      default:
        return NONE
    }
  }

  #given(sent: Sent): Uint8Array {
    if (this.#columns === undefined && sent.batch.size === 0) {
      this.#held.push(sent)
      return NONE
    }
    try {
      return this.#batch(sent)
    } catch (thrown) {
      if (this.#columns === undefined || !(thrown instanceof NotArrow)) throw thrown
      return this.#failed(thrown._tag, thrown.message)
    }
  }

  #batch(sent: Sent): Uint8Array {
    const { batch } = sent
    const columns = this.#columnsOf(batch)
    const own = JSON.stringify(columns.map(described))
    if (this.#columns === undefined) {
      const parts = [this.#schema(columns), ...this.#empty(columns), messageOf(sent, columns)]
      // The next ones are like it.
      for (const builder of this.#builders.values()) builder.fix()
      this.#columns = own
      return concat(parts)
    }
    if (own !== this.#columns) throw new NotArrow({ path: "columns", reason: differs(this.#columns, own) })
    return messageOf(sent, columns)
  }

  /** The schema and the batches of a run none of whose batches had rows. */
  #rest(): ReadonlyArray<Uint8Array> {
    if (this.#columns !== undefined) return []
    const columns = this.#held[0] === undefined ? [] : this.#columnsOf(this.#held[0].batch)
    this.#columns = JSON.stringify(columns.map(described))
    return [this.#schema(columns), ...this.#empty(columns)]
  }

  #schema(columns: ReadonlyArray<Column>): Uint8Array {
    const { batches, cursor } = this.#begin
    return schemaMessage(columns, { furrow: JSON.stringify({ cursor, batches }) })
  }

  /** The batches that were held back, with columns like these, and no rows. */
  #empty(columns: ReadonlyArray<LaidColumn>): ReadonlyArray<Uint8Array> {
    const held = this.#held
    this.#held = []
    return held.map((sent) => messageOf(sent, columns.map(emptied)))
  }

  #failed(tag: string, message: string): Uint8Array {
    this.isBroken = true
    const columns: ReadonlyArray<Described> = JSON.parse(this.#columns ?? "[]") // `described` of them
    const furrow = JSON.stringify({ error: tag, message })
    return concat([batchMessage(0, columns.map(emptied), { furrow }).bytes, CUT])
  }

  #columnsOf({ columns, size }: Batch<unknown>): ReadonlyArray<LaidColumn> {
    // As the Python client has columns that are no record.
    const own = isRecord(columns) && !isLeaf(columns) ? columns : { columns }
    return Object.entries(own).map(([name, value]) => this.#column([name], value, size))
  }

  #column(keys: Keys, value: unknown, size: number): LaidColumn {
    const name = keys.at(-1) ?? keys[0]
    const path = `columns.${keys.join(".")}`
    if (!name.isWellFormed()) throw new NotArrow({ path, reason: "its name is no text that UTF-8 has bytes for" })
    if (value instanceof Tensor) return tensorColumn(name, value, size, path)
    if (isTypedArray(value)) return tensorColumn(name, new Tensor(value, [value.length]), size, path)
    if (Array.isArray(value)) return this.#listed(keys, value, size, path)
    if (!isRecord(value)) throw new NotArrow({ path, reason: "it has no value for each row" })
    const children = Object.entries(value).map(([key, inner]) => this.#column([...keys, key], inner, size))
    const struct = Object.fromEntries(children.map((child) => [child.name, "null" as const]))
    return { name, type: { struct }, length: size, nulls: 0, buffers: [NONE], children }
  }

  #listed(keys: Keys, values: ReadonlyArray<unknown>, size: number, path: string): LaidColumn {
    if (values.length !== size) {
      throw new NotArrow({
        path,
        reason: `it has ${plural(values.length, "value")} in a batch of ${plural(size, "row")}`
      })
    }
    // A key may have a dot, as their path has between them.
    const own = JSON.stringify(keys)
    const builder = this.#builders.get(own) ?? new ColumnBuilder(keys.at(-1) ?? keys[0], undefined)
    this.#builders.set(own, builder)
    try {
      for (const value of values) builder.push(value)
      return builder.take()
    } catch (thrown) {
      builder.take()
      if (thrown instanceof NotColumn) throw new NotArrow({ path, reason: thrown.reason })
      throw thrown
    }
  }
}

const isLeaf = (value: unknown): boolean => value instanceof Tensor || isTypedArray(value)

const tensorColumn = (name: string, { data, shape }: Tensor, size: number, path: string): LaidColumn => {
  const [rows, ...inner] = shape
  if (rows !== size) {
    throw new NotArrow({ path, reason: `its shape is [${shape.join(", ")}] in a batch of ${plural(size, "row")}` })
  }
  const numbers = { type: dtypeOf(data), length: data.length, nulls: 0, buffers: [NONE, bytesOf(data)], children: [] }
  if (inner.length === 0) return { name, ...numbers }
  const width = inner.reduce((product, axis) => product * axis, 1)
  return {
    name,
    type: { fixedList: width },
    length: size,
    nulls: 0,
    buffers: [NONE],
    children: [{ name: "item", ...numbers }],
    metadata: {
      "ARROW:extension:name": "arrow.fixed_shape_tensor",
      "ARROW:extension:metadata": JSON.stringify({ shape: inner })
    }
  }
}

const bytesOf = ({ buffer, byteLength, byteOffset }: TypedArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** What two columns must have in common to stand in one stream, and how many buffers they have. */
interface Described extends Column {
  readonly buffers: number
  readonly children: ReadonlyArray<Described>
}

const described = ({ buffers, children, metadata, name, type }: LaidColumn): Described => ({
  name,
  type,
  children: children.map(described),
  buffers: buffers.length,
  ...(metadata === undefined ? {} : { metadata })
})

/** A column like another one, of no rows. */
const emptied = ({ buffers, children, name, type }: LaidColumn | Described): LaidColumn => ({
  name,
  type,
  length: 0,
  nulls: 0,
  buffers: new Array<Uint8Array>(typeof buffers === "number" ? buffers : buffers.length).fill(NONE),
  children: children.map(emptied)
})

const differs = (first: string, other: string): string => {
  const [before, now]: ReadonlyArray<ReadonlyArray<Described>> = [JSON.parse(first), JSON.parse(other)] // `described`
  const names = (columns: ReadonlyArray<Described> = []) => columns.map(({ name }) => name).join(", ")
  if (names(before) !== names(now)) return `they are ${names(now)}, and those of the first batch ${names(before)}`
  const place = now?.findIndex((column, at) => JSON.stringify(column) !== JSON.stringify(before?.[at])) ?? 0
  return `${now?.[place]?.name} has ${shown(now?.[place])}, and in the first batch ${shown(before?.[place])}`
}

const shown = (column: Described | undefined): string => {
  const shape = column?.metadata?.["ARROW:extension:metadata"]
  const [item] = column?.children ?? []
  if (shape !== undefined) return `rows of ${JSON.stringify(item?.type)} with ${shape}`
  return `rows of ${JSON.stringify(column?.type)}`
}

const messageOf = ({ batch, cursor }: Sent, columns: ReadonlyArray<LaidColumn>): Uint8Array => {
  const { children, epoch, index, indices, rank, size, worker } = batch
  const rows = { indices: Array.from(indices), ...(children === undefined ? {} : { children: Array.from(children) }) }
  const furrow = JSON.stringify({ epoch, index, rank, worker, size, ...rows, cursor })
  return batchMessage(size, columns, { furrow }).bytes
}

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  parts.length === 1 && parts[0] !== undefined ? parts[0] : new Uint8Array(Buffer.concat(parts))
