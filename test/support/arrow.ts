/**
 * Writes Arrow streams and files by hand: FlatBuffers, messages and bodies, after `Schema.fbs`, `Message.fbs` and `File.fbs`.
 */

/** A value in a FlatBuffer. A table's fields stand at their places; those that are `undefined` are left out. */
export type Flat =
  | { readonly width: 1 | 2 | 4 | 8; readonly value: number | bigint }
  | { readonly table: ReadonlyArray<Flat | undefined> }
  | { readonly tables: ReadonlyArray<Flat> }
  | { readonly text: string }
  /** Structs, one behind the other, aligned to 8 bytes or to the width of their numbers. */
  | { readonly structs: Uint8Array; readonly count: number; readonly align: 4 | 8 }

export const u8 = (value: number): Flat => ({ width: 1, value })
export const i16 = (value: number): Flat => ({ width: 2, value })
export const i32 = (value: number): Flat => ({ width: 4, value })
export const i64 = (value: number | bigint): Flat => ({ width: 8, value })
export const table = (...fields: ReadonlyArray<Flat | undefined>): Flat => ({ table: fields })

class Builder {
  #bytes = new Uint8Array(2 ** 16)
  #length = 0

  result(root: Flat): Uint8Array {
    this.#length = 4
    this.#number(0, 4, this.#write(root))
    this.#align(8, 0)
    return this.#bytes.slice(0, this.#length)
  }

  #number(at: number, width: number, value: number | bigint): void {
    const own = BigInt.asUintN(64, BigInt(value))
    for (let byte = 0; byte < width; byte++) this.#bytes[at + byte] = Number((own >> BigInt(8 * byte)) & 255n)
  }

  /** Goes on to where so many bytes further is a multiple of `to`. */
  #align(to: number, further: number): void {
    while ((this.#length + further) % to !== 0) this.#length++
  }

  /** Writes what an offset can lead to; returns where it is. */
  #write(flat: Flat): number {
    if ("text" in flat) {
      const own = new TextEncoder().encode(flat.text)
      this.#align(4, 0)
      const at = this.#length
      this.#number(at, 4, own.length)
      this.#bytes.set(own, at + 4)
      this.#length += 5 + own.length
      return at
    }
    if ("structs" in flat) {
      this.#align(flat.align, 4)
      const at = this.#length
      this.#number(at, 4, flat.count)
      this.#bytes.set(flat.structs, at + 4)
      this.#length += 4 + flat.structs.length
      return at
    }
    if ("tables" in flat) {
      this.#align(4, 0)
      const at = this.#length
      this.#number(at, 4, flat.tables.length)
      this.#length += 4 + 4 * flat.tables.length
      for (const [place, own] of flat.tables.entries()) this.#refer(at + 4 + 4 * place, own)
      return at
    }
    if (!("table" in flat)) throw new Error("a number has no place of its own")
    const { table: fields } = flat
    const size = 4 + 2 * fields.length
    this.#align(8, size)
    const vtable = this.#length
    const at = vtable + size
    let end = at + 4
    const later: Array<readonly [number, Flat]> = []
    for (const [place, field] of fields.entries()) {
      if (field === undefined) continue
      const width = "width" in field ? field.width : 4
      while (end % width !== 0) end++
      this.#number(vtable + 4 + 2 * place, 2, end - at)
      if ("width" in field) this.#number(end, width, field.value)
      else later.push([end, field])
      end += width
    }
    this.#number(vtable, 2, size)
    this.#number(vtable + 2, 2, end - at)
    this.#number(at, 4, at - vtable)
    this.#length = end
    for (const [from, field] of later) this.#refer(from, field)
    return at
  }

  #refer(from: number, to: Flat): void {
    const at = this.#write(to)
    this.#number(from, 4, at - from)
  }
}

export interface Field {
  readonly name: string
  /** The number of the type in `Type` of `Schema.fbs`, and its table. */
  readonly type: readonly [tag: number, ...fields: ReadonlyArray<Flat | undefined>]
  readonly children?: ReadonlyArray<Field>
  /** The number of its dictionary, whose indices are int8. */
  readonly dictionary?: number
  readonly metadata?: Readonly<Record<string, string>>
}

/** An array: how many values, how many nulls, its buffers, and what lies below it. */
export interface Values {
  readonly length: number
  readonly nulls?: number
  readonly buffers?: ReadonlyArray<ArrayBufferView>
  readonly children?: ReadonlyArray<Values>
  /** How many of the buffers of an array of views are bytes. */
  readonly views?: number
}

export interface Batch {
  readonly rows: number
  readonly columns: ReadonlyArray<Values>
  /** Of a dictionary. */
  readonly dictionary?: { readonly id: number; readonly delta?: boolean }
  /** 0 is LZ4, 1 zstd; buffers are then given as they are written. */
  readonly codec?: number
}

export interface Shape {
  readonly fields: ReadonlyArray<Field>
  readonly batches: ReadonlyArray<Batch>
  /** 3 is version 4, 4 is version 5. */
  readonly version?: number
  readonly bigEndian?: boolean
  /** As before Arrow 0.15: nothing before the length of a message. */
  readonly old?: boolean
  readonly end?: boolean
}

const fieldOf = ({ children = [], dictionary, metadata, name, type: [tag, ...fields] }: Field): Flat =>
  table(
    { text: name },
    u8(1),
    u8(tag),
    table(...fields),
    dictionary === undefined ? undefined : table(i64(dictionary), table(i32(8), u8(1))),
    { tables: children.map(fieldOf) },
    metadata === undefined
      ? undefined
      : { tables: Object.entries(metadata).map(([key, value]) => table({ text: key }, { text: value })) }
  )

const schemaOf = ({ bigEndian = false, fields }: Shape): Flat =>
  table(bigEndian ? i16(1) : undefined, { tables: fields.map(fieldOf) })

const padded = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.concat([bytes, new Uint8Array(-bytes.length & 7)]))

const raw = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength)

interface Message {
  readonly metadata: Uint8Array
  readonly body: Uint8Array
}

const messageOf = (kind: number, header: Flat, body: Uint8Array, { old = false, version = 4 }: Shape): Message => {
  const flat = new Builder().result(table(i16(version), u8(kind), header, i64(body.length)))
  const prefix = old ? [flat.length] : [0xffffffff, flat.length]
  return { metadata: new Uint8Array(Buffer.concat([raw(Uint32Array.from(prefix)), flat])), body }
}

const batchOf = (batch: Batch, shape: Shape): Message => {
  const nodes: Array<bigint> = []
  const buffers: Array<bigint> = []
  const parts: Array<Uint8Array> = []
  const views: Array<bigint> = []
  let at = 0
  const walk = (own: Values): void => {
    nodes.push(BigInt(own.length), BigInt(own.nulls ?? 0))
    if (own.views !== undefined) views.push(BigInt(own.views))
    for (const buffer of own.buffers ?? []) {
      buffers.push(BigInt(at), BigInt(buffer.byteLength))
      const part = padded(raw(buffer))
      parts.push(part)
      at += part.length
    }
    for (const child of own.children ?? []) walk(child)
  }
  batch.columns.forEach(walk)
  const structs = (numbers: ReadonlyArray<bigint>, per: number): Flat => ({
    structs: raw(BigInt64Array.from(numbers)),
    count: numbers.length / per,
    align: 8
  })
  const record = table(
    i64(batch.rows),
    structs(nodes, 2),
    structs(buffers, 2),
    batch.codec === undefined ? undefined : table(u8(batch.codec), u8(0)),
    views.length === 0 ? undefined : structs(views, 1)
  )
  const body = new Uint8Array(Buffer.concat(parts))
  const { dictionary } = batch
  if (dictionary === undefined) return messageOf(3, record, body, shape)
  return messageOf(2, table(i64(dictionary.id), record, u8(dictionary.delta === true ? 1 : 0)), body, shape)
}

/** Writes the stream form. */
export const streamOf = (shape: Shape): Uint8Array => {
  const messages = [
    messageOf(1, schemaOf(shape), new Uint8Array(0), shape),
    ...shape.batches.map((own) => batchOf(own, shape))
  ]
  const end = shape.end === false ? [] : [raw(shape.old === true ? Uint32Array.of(0) : Uint32Array.of(0xffffffff, 0))]
  return new Uint8Array(Buffer.concat([...messages.flatMap(({ body, metadata }) => [metadata, body]), ...end]))
}

/** Writes the file form. */
export const fileOf = (shape: Shape): Uint8Array => {
  const parts: Array<Uint8Array> = [Buffer.from("ARROW1\0\0")]
  let at = 8
  const put = ({ body, metadata }: Message): ReadonlyArray<bigint> => {
    const place = [BigInt(at), BigInt(metadata.length), BigInt(body.length)]
    parts.push(metadata, body)
    at += metadata.length + body.length
    return place
  }
  put(messageOf(1, schemaOf(shape), new Uint8Array(0), shape))
  const places = shape.batches.map((own) => ({ own, place: put(batchOf(own, shape)) }))
  const blocks = (isDictionary: boolean): Flat => {
    const chosen = places.filter(({ own }) => (own.dictionary !== undefined) === isDictionary)
    return { structs: raw(BigInt64Array.from(chosen.flatMap(({ place }) => place))), count: chosen.length, align: 8 }
  }
  const footer = new Builder().result(table(i16(shape.version ?? 4), schemaOf(shape), blocks(true), blocks(false)))
  parts.push(raw(Uint32Array.of(0xffffffff, 0)), footer, raw(Uint32Array.of(footer.length)), Buffer.from("ARROW1"))
  return new Uint8Array(Buffer.concat(parts))
}

/** Bits, the lowest first. */
export const bits = (...values: ReadonlyArray<0 | 1>): Uint8Array => {
  const bytes = new Uint8Array(Math.ceil(values.length / 8))
  for (const [at, value] of values.entries()) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (value << (at & 7))
  return bytes
}
