/**
 * How threads share blocks of columns of numbers: their memory, behind a part that says which column each is.
 *
 * @since 0.1.0
 */
import { arrays, type DType, dtypeOf } from "../../core/DType.ts"
import { blockOf, type StoredColumn, type StoredColumns, tensorsOf } from "./Columns.ts"
import type { Block, BlockPlace, SharedDecode } from "./Format.ts"

/** A column, whose memory is the part at its place. JSON-able. */
interface Described {
  readonly name: string
  readonly tag: StoredColumn["_tag"]
  readonly dtype: DType
  readonly shape: ReadonlyArray<number>
}

/** Shares what `stored` gives. @since 0.1.0 */
export const sharedColumns = <Row>(
  stored: (bytes: Uint8Array, block: Block, place: BlockPlace) => StoredColumns
): SharedDecode<Row> => ({
  unpack: (bytes, block, place) => {
    const columns = Array.from(stored(bytes, block, place))
    const described = columns.map(
      ([name, column]): Described => ({
        name,
        tag: column._tag,
        dtype: dtypeOf(column.data),
        shape: column._tag === "Tensors" ? column.shape : []
      })
    )
    const parts = columns.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    return [encoder.encode(JSON.stringify(described)), ...parts]
  },
  view: ([head = NONE, ...parts], block) => {
    // A part of its own: what `unpack` wrote.
    const described = JSON.parse(decoder.decode(new Uint8Array(head))) as ReadonlyArray<Described>
    const columns = described.map(({ dtype, name, shape, tag }, place): readonly [string, StoredColumn] => {
      const { buffer, byteLength, byteOffset } = parts[place] ?? NONE
      // Typed arrays take shared memory, too, which their constructors' types do not say together.
      const data = new arrays[dtype](buffer as ArrayBuffer, byteOffset, byteLength / arrays[dtype].BYTES_PER_ELEMENT)
      return [name, tag === "Tensors" ? tensorsOf(data, shape) : { _tag: tag, data }]
    })
    return blockOf(new Map(columns), block.rows, nothing)
  }
})

/** The memory is given back by those who share it. */
const nothing = (): void => {}

const NONE = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })
