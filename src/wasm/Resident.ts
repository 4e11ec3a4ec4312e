/**
 * Tensors in the memory that kernels read, and that all threads see.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { type ArrayOf, arrays, type DType, type TypedArray } from "../core/DType.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { Tensor } from "../core/Tensor.ts"
import { arena } from "./Kernels.ts"

/**
 * Returns a tensor of zeros for images that stages read again and again, to be filled by the caller: a whole dataset, for
 * example. It lies in memory that kernels of this thread read, so its images are not copied there one by one, and that other
 * threads see: as part of the `config` of `Workers.threads` it exists once for all of them. The memory is held until the
 * program ends. There are 4 GiB of it; if they are used up, or not available, the tensor lies in ordinary memory, of which
 * each thread has a copy, and gives the same results.
 *
 * Throws `InvalidOption` if the element type does not exist, or an axis is not a whole number of at least 0.
 *
 * @example
 * import { Dataset, Tensor } from "furrow"
 *
 * const images = Tensor.resident("uint8", [1000, 28, 28, 1])
 * images.data.fill(127) // or read them from a file
 * const digits = Dataset.fromColumns({ image: images })
 * console.assert(digits.size === 1000)
 *
 * @category constructors
 * @since 0.1.0
 */
export const resident = <D extends DType>(dtype: D, shape: ReadonlyArray<number>): Tensor<ArrayOf<D>> => {
  if (!Object.hasOwn(arrays, dtype)) {
    const expected = `one of ${Object.keys(arrays).join(", ")}`
    throw new InvalidOption({ option: "dtype", value: dtype, expected })
  }
  const Kind = arrays[dtype]
  if (!Array.isArray(shape)) throw new InvalidOption({ option: "shape", value: shape, expected: "an array of axes" })
  const length = shape.reduce((product, axis) => product * whole("an axis of the shape", axis, 0), 1)
  const own = arena()
  const address = own?.take(whole("the elements of the shape", length, 0) * Kind.BYTES_PER_ELEMENT)
  const buffer =
    own === undefined || address === undefined ? new ArrayBuffer(length * Kind.BYTES_PER_ELEMENT) : own.bytes.buffer
  // Every typed array's constructor takes (buffer, byteOffset, length), of whatever kind the buffer is.
  const data = new (Kind as unknown as new (...from: readonly [ArrayBufferLike, number, number]) => TypedArray)(
    buffer,
    address ?? 0,
    length
  )
  // What lay at the address before is no longer used.
  new Uint8Array<ArrayBufferLike>(data.buffer, data.byteOffset, data.byteLength).fill(0)
  return new Tensor(data as ArrayOf<D>, shape) // made by D's own constructor
}
