/** Writes NumPy's files of one array, sound and otherwise. */
import { bytesOf, joined } from "./tar.ts"

/** A file with this header text and these elements. */
export const npyOf = (header: string, elements: Uint8Array, version = 1): Uint8Array => {
  const text = bytesOf(header)
  const length = version === 1 ? [text.length & 255, text.length >>> 8] : [text.length & 255, text.length >>> 8, 0, 0]
  return joined([Uint8Array.of(0x93, ...bytesOf("NUMPY"), version, 0, ...length), text, elements])
}

/** The header as NumPy writes it. */
export const headerOf = (descr: string, shape: ReadonlyArray<number>, fortran = false): string => {
  const axes = shape.length === 1 ? `${shape[0]},` : shape.join(", ")
  return `{'descr': '${descr}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${axes}), }   \n`
}
