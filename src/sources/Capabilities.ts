/**
 * Checks what a dataset says of itself, before a pipeline relies on it.
 *
 * @since 0.1.0
 */

import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { functionOf, textOf, truth } from "../core/Options.ts"
import { plural } from "../core/Plural.ts"
import { isTypedArray } from "../core/Tensor.ts"
import { type Columnar, type Field, isRow, rowsOf } from "./Columnar.ts"
import { type Dataset, DatasetError } from "./RandomAccess.ts"

/**
 * Returns `dataset` if its name and its optional fields are valid; otherwise throws `InvalidOption`, which names the dataset
 * and the field. Columns are checked for their form, and for the rows of the first and the last sample; the other rows are
 * checked as batches are built.
 *
 * @since 0.1.0
 */
export const capable = <A, E, R>(dataset: Dataset<A, E, R>): Dataset<A, E, R> => {
  const { batched, blocks, columnar, components, content, lineage, locate, locations, read } = dataset
  const name = textOf("name of a dataset", dataset.name)
  const of = (field: string): string => `${field} of dataset ${name}`
  if (read !== undefined) functionOf(of("read"), read)
  if (lineage !== undefined) functionOf(of("lineage"), lineage)
  if (locate !== undefined) functionOf(of("locate"), locate)
  if (batched !== undefined) truth(of("batched"), batched)
  if (blocks !== undefined) checkBlocks(of("blocks"), blocks, dataset.size)
  if (components !== undefined) whole(of("components"), components, 1)
  if (content !== undefined && typeof content !== "string" && typeof content !== "function") {
    throw new InvalidOption({ option: of("content"), value: content, expected: "a text, or a function of an index" })
  }
  if (locations !== undefined && !(Array.isArray(locations) && locations.every((own) => typeof own === "string"))) {
    throw new InvalidOption({ option: of("locations"), value: locations, expected: "a list of texts" })
  }
  if (columnar !== undefined) checkColumnar(name, of, columnar, dataset.size)
  return dataset
}

const checkBlocks = (option: string, blocks: Float64Array, size: number): void => {
  const expected = `a Float64Array that ascends from 0 to the size, ${size}`
  if (!(blocks instanceof Float64Array) || blocks[0] !== 0 || blocks.at(-1) !== size) {
    throw new InvalidOption({ option, value: blocks, expected })
  }
  for (let at = 1; at < blocks.length; at++) {
    const start = blocks[at] as number // below the length
    if (!Number.isSafeInteger(start) || start <= (blocks[at - 1] as number)) {
      throw new InvalidOption({ option: `place ${at} of ${option}`, value: start, expected })
    }
  }
}

const checkColumnar = (name: string, of: (field: string) => string, columnar: Columnar, size: number): void => {
  if (typeof columnar !== "object" || columnar === null || !(columnar.fields instanceof Map)) {
    const expected =
      "{ fields, place }, where fields is a Map of columns; Dataset.fromColumns makes a dataset of columns"
    throw new InvalidOption({ option: of("columnar"), value: columnar, expected })
  }
  functionOf(of("columnar.place"), columnar.place)
  const ends = Number.isSafeInteger(size) && size > 0 ? [0, size - 1] : [] // a run over another size is refused
  const rows = ends.map((index) => {
    try {
      return columnar.place(index)
    } catch (cause) {
      throw new DatasetError({ dataset: name, index, cause })
    }
  })
  for (const [column, field] of columnar.fields) {
    const option = of(`column ${JSON.stringify(column)}`)
    checkField(option, field)
    const length = rowsOf(field)
    for (const [at, row] of rows.entries()) {
      if (isRow(row, length)) continue
      const expected = `one of the ${length} rows of the column: a row for each of the ${plural(size, "sample")}`
      throw new InvalidOption({ option: `row of sample ${ends[at]} in ${option}`, value: row, expected })
    }
  }
}

/** A field as an untyped caller may give it. */
interface Given {
  readonly _tag?: unknown
  readonly data?: unknown
  readonly items?: unknown
  readonly shape?: unknown
  readonly width?: unknown
}

const checkField = (option: string, field: Field): void => {
  const { _tag, data, items, shape, width }: Given = field ?? {}
  const isItems = _tag === "Items" && Array.isArray(items)
  if (isItems || (_tag === "Numbers" && isTypedArray(data))) return
  if (_tag !== "Tensors" || !isTypedArray(data) || !Array.isArray(shape)) {
    const expected =
      '{ _tag: "Numbers", data }, { _tag: "Tensors", data, shape, width } with a typed array, or { _tag: "Items", items }'
    throw new InvalidOption({ option, value: field, expected })
  }
  for (const axis of shape) whole(`shape of ${option}`, axis, 0)
  const product = shape.reduce((elements, axis) => elements * axis, 1)
  if (width === product) return
  const expected = `${product}, the product of its shape [${shape.join(", ")}]`
  throw new InvalidOption({ option: `width of ${option}`, value: width, expected })
}
