/**
 * NumPy's files of one array, as bytes.
 *
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * @since 0.1.0
 */
import { type DType, dtypeOf } from "../../../core/DType.ts"
import type { Tensor } from "../../../core/Tensor.ts"

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]

const DTYPES: Readonly<Record<DType | "bool", string>> = {
  bool: "|b1",
  int8: "|i1",
  uint8: "|u1",
  int16: "<i2",
  uint16: "<u2",
  int32: "<i4",
  uint32: "<u4",
  int64: "<i8",
  uint64: "<u8",
  float32: "<f4",
  float64: "<f8"
}

/** The header of an array in C order. @since 0.1.0 */
export const headerOf = (dtype: DType | "bool", shape: ReadonlyArray<number>): Uint8Array => {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(", ")
  const text = `{'descr': '${DTYPES[dtype]}', 'fortran_order': False, 'shape': (${axes}), }`
  // The header ends with a newline, at a multiple of 64.
  const length = Math.ceil((MAGIC.length + 2 + text.length + 1) / 64) * 64
  const bytes = new Uint8Array(length).fill(0x20)
  bytes.set(MAGIC)
  new DataView(bytes.buffer).setUint16(MAGIC.length, length - MAGIC.length - 2, true)
  bytes.set(new TextEncoder().encode(text), MAGIC.length + 2)
  bytes[length - 1] = 0x0a
  return bytes
}

/** A tensor as a file. @since 0.1.0 */
export const npyOf = ({ data, shape }: Tensor): Uint8Array => {
  const header = headerOf(dtypeOf(data), shape)
  const bytes = new Uint8Array(header.length + data.byteLength)
  bytes.set(header)
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length)
  return bytes
}
