/** Writes ZIP files, sound and otherwise. */
import { deflateRawSync } from "node:zlib"
import { crc32 } from "../../src/core/Crc32.ts"
import { bytesOf, joined } from "./tar.ts"

export interface ZipMember {
  readonly name: string
  readonly body: Uint8Array
  readonly deflated?: boolean
  /** Sizes and checksum behind the bytes, and not before them, as programs do that write to a pipe. */
  readonly described?: boolean
  /** Sizes and offset in ZIP64's field. */
  readonly wide?: boolean
  /** What the directory says, in place of what is so. */
  readonly claims?: {
    readonly size?: number
    readonly packed?: number
    readonly crc?: number
    readonly offset?: number
  }
  readonly method?: number
  readonly flags?: number
  readonly localName?: string
}

export interface ZipShape {
  readonly comment?: string
  /** With a ZIP64 end. */
  readonly wide?: boolean
  /** What the end says of where the directory is. */
  readonly offset?: number
  readonly count?: number
}

const numbers = (...fields: ReadonlyArray<readonly [bytes: 2 | 4 | 8, value: number]>): Uint8Array => {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)))
  let at = 0
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true)
    else if (bytes === 4) view.setUint32(at, value, true)
    else view.setBigUint64(at, BigInt(value), true)
    at += bytes
  }
  return new Uint8Array(view.buffer)
}

export const zipOf = (members: ReadonlyArray<ZipMember>, shape: ZipShape = {}): Uint8Array => {
  const parts: Array<Uint8Array> = []
  const directory: Array<Uint8Array> = []
  let at = 0
  const put = (part: Uint8Array) => {
    parts.push(part)
    at += part.length
  }
  for (const { body, claims = {}, deflated, described, flags, localName, method, name, wide } of members) {
    const packed = deflated === true ? new Uint8Array(deflateRawSync(body)) : body
    const own = { size: body.length, packed: packed.length, crc: crc32(body), offset: at, ...claims }
    const how = method ?? (deflated === true ? 8 : 0)
    const bits = flags ?? (described === true ? 8 : 0)
    const path = bytesOf(localName ?? name)
    const before = described === true ? { size: 0, packed: 0, crc: 0 } : own
    put(
      numbers(
        [4, 0x04034b50],
        [2, 45],
        [2, bits],
        [2, how],
        [4, 0],
        [4, before.crc],
        [4, before.packed],
        [4, before.size],
        [2, path.length],
        [2, 4]
      )
    )
    put(joined([path, numbers([2, 0x7777], [2, 0])]))
    put(packed)
    if (described === true) put(numbers([4, 0x08074b50], [4, own.crc], [4, own.packed], [4, own.size]))
    const long =
      wide === true ? numbers([2, 1], [2, 24], [8, own.size], [8, own.packed], [8, own.offset]) : new Uint8Array(0)
    const shown = wide === true ? { size: 0xffffffff, packed: 0xffffffff, offset: 0xffffffff } : own
    const bytes = bytesOf(name)
    directory.push(
      numbers(
        [4, 0x02014b50],
        [2, 45],
        [2, 45],
        [2, bits],
        [2, how],
        [4, 0],
        [4, own.crc],
        [4, shown.packed],
        [4, shown.size]
      ),
      numbers([2, bytes.length], [2, long.length], [2, 0], [2, 0], [2, 0], [4, 0], [4, shown.offset]),
      bytes,
      long
    )
  }
  const start = shape.offset ?? at
  const all = joined(directory)
  put(all)
  const count = shape.count ?? members.length
  if (shape.wide === true) {
    const end = at
    put(
      numbers(
        [4, 0x06064b50],
        [8, 44],
        [2, 45],
        [2, 45],
        [4, 0],
        [4, 0],
        [8, count],
        [8, count],
        [8, all.length],
        [8, start]
      )
    )
    put(numbers([4, 0x07064b50], [4, 0], [8, end], [4, 1]))
  }
  const comment = bytesOf(shape.comment ?? "")
  const shown = shape.wide === true ? [0xffff, 0xffffffff, 0xffffffff] : [count, all.length, start]
  put(
    numbers(
      [4, 0x06054b50],
      [2, 0],
      [2, 0],
      [2, shown[0] ?? 0],
      [2, shown[0] ?? 0],
      [4, shown[1] ?? 0],
      [4, shown[2] ?? 0],
      [2, comment.length]
    )
  )
  put(comment)
  return joined(parts)
}
