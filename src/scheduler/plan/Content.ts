/**
 * A hash over what a dataset holds, so that another content of the same name and size is noticed.
 *
 * All of it is hashed where that takes no longer than a fraction of a second; of more, samples at even distances.
 *
 * @since 0.1.0
 */

import { bytesOf } from "../../core/CanonicalBytes.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { sha256Stream } from "../../core/runtime.ts"
import { shown } from "../../core/Show.ts"
import { isTypedArray, Tensor, type TypedArray } from "../../core/Tensor.ts"
import type { Columnar, Field } from "../../sources/Columnar.ts"
import type { Dataset } from "../../sources/Dataset.ts"
import { knownContent } from "../../sources/RandomAccess.ts"
import { ofColumns } from "./Digest.ts"

/** What is known of a dataset's content. @since 0.1.0 */
export interface Looked {
  /** 16 hexadecimal digits, or what was declared; empty where nothing can be told. */
  readonly text: string
  /** How many samples it covers; all of them where it was declared. */
  readonly samples: number
}

/** Columns of up to so many bytes are hashed as a whole, in about 150 ms. */
const MOST_BYTES = 2 ** 26
/** So many samples that are objects are hashed, a few microseconds each. */
const MOST_OBJECTS = 4096
/** So many numbers, one by one. */
const MOST_NUMBERS = 2 ** 20
/** So few are looked at in any case. */
const LEAST = 16

type Hash = ReturnType<typeof sha256Stream>

/** What is known of datasets' contents, for as long as their sizes last. */
const known = new WeakMap<object, { readonly size: number; readonly looked: Looked }>()

/** A sample has no bytes of its own, such as a function, or cannot be read; what reads it for a batch says why. */
class NotHashable extends Error {}

/**
 * What a dataset of a size holds, as far as that can be told. It is looked at once; `brief` looks at 16 samples only.
 * Throws `InvalidOption` if the dataset's function `content` throws.
 *
 * @since 0.1.0
 */
export const look = (
  dataset: Dataset<unknown, unknown, unknown>,
  size: number,
  extent: "brief" | "full" = "full"
): Looked => {
  const { columnar, content } = knownContent(dataset)
  if (typeof content === "string") return { text: content, samples: size }
  const at = content === undefined ? columnar && rowOf(columnar) : asked(dataset.name, content)
  if (at === undefined) return { text: "", samples: 0 }
  const own = known.get(dataset)
  if (extent === "full" && own?.size === size) return own.looked
  let looked: Looked
  try {
    if (extent === "brief") looked = ofSome(at, size, LEAST)
    else looked = columnar === undefined ? ofSamples(at, size) : ofColumnar(columnar, size)
  } catch (thrown) {
    if (!(thrown instanceof NotHashable)) throw thrown
    looked = { text: "", samples: 0 }
  }
  if (extent === "full") known.set(dataset, { size, looked })
  return looked
}

/** The dataset's function `content`, with what it throws as an `InvalidOption`. */
const asked =
  (name: string, content: (index: number) => unknown) =>
  (index: number): unknown => {
    try {
      return content(index)
    } catch (thrown) {
      const option = `content of dataset ${JSON.stringify(name)}`
      const expected = `a function that does not throw: content(${index}) threw ${shown(thrown)}`
      throw new InvalidOption({ option, value: content, expected })
    }
  }

/** What `read` returns; throws {@link NotHashable} if it throws. */
const readable = <A>(read: () => A): A => {
  try {
    return read()
  } catch (cause) {
    throw new NotHashable("a sample cannot be hashed", { cause })
  }
}

/** What the columns hold of the sample at an index. */
const rowOf =
  ({ fields, place }: Columnar) =>
  (index: number): ReadonlyArray<unknown> =>
    Array.from(fields.values(), (field) => {
      const row = readable(() => place(index))
      if (field._tag === "Items") return field.items[row]
      return field._tag === "Numbers"
        ? field.data[row]
        : field.data.subarray(row * field.width, (row + 1) * field.width)
    })

const ended = (hash: Hash, samples: number): Looked => ({ text: hash.digest("hex").slice(0, 16), samples })

/** `count` indices at even distances below `size`. */
const spread = (size: number, count: number): Float64Array => {
  // A loop: with a function for each index, 2^24 of them would take half a second.
  const indices = new Float64Array(Math.min(count, size))
  if (count >= size) for (let index = 0; index < size; index++) indices[index] = index
  else for (let at = 0; at < count; at++) indices[at] = Math.floor((at * size) / count)
  return indices
}

const ofSome = (content: (index: number) => unknown, size: number, count: number): Looked => {
  const hash = sha256Stream()
  const indices = spread(size, count)
  let left = MOST_BYTES
  let samples = 0
  for (const index of indices) {
    if (left < 0 && samples >= LEAST) break
    const sample = content(index)
    readable(() => {
      hash.update(ofColumns([sample]))
      left -= bytesIn(sample, 0)
    })
    samples++
  }
  return ended(hash, samples)
}

/** How many bytes a sample holds, roughly, so that large ones are not looked at in numbers. */
const bytesIn = (sample: unknown, depth: number): number => {
  if (sample instanceof Tensor) return sample.data.byteLength
  if (isTypedArray(sample)) return sample.byteLength
  if (typeof sample === "string") return sample.length
  if (typeof sample !== "object" || sample === null || depth > 3) return 8
  return Object.values(sample).reduce<number>((sum, own) => sum + bytesIn(own, depth + 1), 8)
}

const ofSamples = (content: (index: number) => unknown, size: number): Looked =>
  ofNumbers(content, size) ?? ofSome(content, size, MOST_OBJECTS)

/** Of samples that are all numbers; `undefined` if one is not. */
const ofNumbers = (content: (index: number) => unknown, size: number): Looked | undefined => {
  const hash = sha256Stream().update("numbers")
  const indices = spread(size, MOST_NUMBERS)
  const values = new Float64Array(indices.length)
  for (let at = 0; at < indices.length; at++) {
    const value = content(indices[at] as number) // below the length
    if (typeof value !== "number") return undefined
    values[at] = value
  }
  return ended(hash.update(bytesOf(values)), indices.length)
}

const ofColumnar = ({ fields, place }: Columnar, size: number): Looked => {
  const hash = sha256Stream()
  const rowBytes = Array.from(fields.values(), (field) =>
    field._tag === "Items" ? 0 : (field._tag === "Tensors" ? field.width : 1) * field.data.BYTES_PER_ELEMENT
  ).reduce((sum, bytes) => sum + bytes, 0)
  const count = rowBytes * size <= MOST_BYTES ? size : Math.max(LEAST, Math.floor(MOST_BYTES / rowBytes))
  const own = spread(size, count)
  readable(() => {
    for (let at = 0; at < own.length; at++) own[at] = place(own[at] as number) // below the length
  })
  let samples = own.length
  for (const name of Array.from(fields.keys()).toSorted()) {
    const field = fields.get(name) as Field // it is one of the keys
    hash.update(`${JSON.stringify(name)} ${field._tag}`)
    if (field._tag === "Items") {
      const { items } = field
      const looked = ofSamples((index) => readable(() => items[place(index)]), size)
      samples = Math.min(samples, looked.samples)
      hash.update(looked.text)
    } else {
      const [width, shape] = field._tag === "Tensors" ? [field.width, field.shape] : [1, []]
      hash.update(`${field.data.constructor.name} [${shape.join()}]`)
      rows(hash, field.data, width, own)
    }
  }
  return ended(hash, samples)
}

const CHUNK_BYTES = 2 ** 16

/** Hashes some rows of a column, a piece at a time: where it lies if its rows are neighbours, else gathered. */
const rows = (hash: Hash, data: TypedArray, width: number, own: Float64Array): void => {
  const room = Math.max(1, Math.floor(CHUNK_BYTES / Math.max(1, width * data.BYTES_PER_ELEMENT)))
  // Both are of one constructor, so numbers meet numbers and bigints meet bigints.
  const Kind = data.constructor as new (length: number) => Float64Array
  const chunk = new Kind(Math.min(room, own.length) * width)
  for (let begin = 0; begin < own.length; begin += room) {
    const end = Math.min(begin + room, own.length)
    const first = own[begin] as number // below the length, as all that follow
    let next = begin + 1
    while (next < end && own[next] === first + next - begin) next++
    if (next === end) {
      hash.update(bytesOf(data.subarray(first * width, (first + end - begin) * width)))
      continue
    }
    for (let at = begin; at < end; at++) {
      const from = (own[at] as number) * width
      if (width === 1)
        chunk[at - begin] = data[from] as number // as above
      else chunk.set(data.subarray(from, from + width) as Float64Array, (at - begin) * width)
    }
    hash.update(bytesOf(chunk.subarray(0, (end - begin) * width)))
  }
}
