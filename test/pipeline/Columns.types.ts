/**
 * The table at `Columns`, row by row, and the effect of `dtypes`.
 */

import type { Tensor } from "../../src/core/Tensor.ts"
import type { Columns } from "../../src/pipeline/Columns.ts"
import { equal } from "../support/equal.ts"

// Tensors and typed arrays keep their element type.
equal<Columns<Tensor<Uint8Array>>, Tensor<Uint8Array>>()
equal<Columns<Tensor<BigUint64Array>>, Tensor<BigUint64Array>>()
equal<Columns<Tensor>, Tensor>()
equal<Columns<Float32Array>, Tensor<Float32Array>>()
equal<Columns<Uint8ClampedArray>, Tensor<Uint8ClampedArray>>()
equal<Columns<BigInt64Array>, Tensor<BigInt64Array>>()

// Numbers, flags, bigints, strings; of literal types too.
equal<Columns<number>, Tensor<Float64Array>>()
equal<Columns<0 | 1 | 2>, Tensor<Float64Array>>()
equal<Columns<boolean>, Tensor<Uint8Array>>()
equal<Columns<true>, Tensor<Uint8Array>>()
equal<Columns<bigint>, Tensor<BigInt64Array>>()
equal<Columns<string>, ReadonlyArray<string>>()
equal<Columns<"cat" | "dog">, ReadonlyArray<string>>()

// Arrays of numbers, tuples among them.
equal<Columns<ReadonlyArray<number>>, Tensor<Float64Array>>()
equal<Columns<Array<number>>, Tensor<Float64Array>>()
equal<Columns<readonly [number, number]>, Tensor<Float64Array>>()

// Records, nested ones too.
equal<
  Columns<{
    readonly image: Tensor<Uint8Array>
    label: number
    meta: { path: string; size: readonly [number, number] }
  }>,
  {
    readonly image: Tensor<Uint8Array>
    readonly label: Tensor<Float64Array>
    readonly meta: { readonly path: ReadonlyArray<string>; readonly size: Tensor<Float64Array> }
  }
>()
interface Digit {
  readonly image: Float32Array
  readonly label: number
}
equal<Columns<Digit>, { readonly image: Tensor<Float32Array>; readonly label: Tensor<Float64Array> }>()

// What makes no column: `never`, so that whoever reads the column finds out at compile time.
equal<Columns<undefined>, never>()
equal<Columns<null>, never>()
equal<Columns<symbol>, never>()
equal<Columns<ReadonlyArray<string>>, never>()
equal<Columns<ReadonlyArray<ReadonlyArray<number>>>, never>()
equal<Columns<{ a: null; b: number }>, { readonly a: never; readonly b: Tensor<Float64Array> }>()

// What the compiler does not know stays what it is: `any`, which untyped code and `JSON.parse` give, and `unknown`.
type Any = ReturnType<typeof JSON.parse>
equal<Columns<Any>, Any>()
equal<Columns<unknown>, unknown>()
equal<
  Columns<{ a: Any; b: { c: Any; d: unknown }; e: number }, { a: "int32"; "b.c": "int8"; e: "int16" }>,
  { readonly a: Any; readonly b: { readonly c: Any; readonly d: unknown }; readonly e: Tensor<Int16Array> }
>()

// Types that contain themselves have columns that do, too.
equal<Columns<Linked, { "next.next.value": "int32" }>["next"]["next"]["value"], Tensor<Int32Array>>()
interface Linked {
  readonly value: number
  readonly next: Linked
}

// dtypes give columns of numbers their element type, by path.
equal<Columns<{ label: number }, { label: "int32" }>, { readonly label: Tensor<Int32Array> }>()
equal<Columns<{ label: 0 | 1 }, { label: "uint8" }>, { readonly label: Tensor<Uint8Array> }>()
equal<Columns<{ tokens: ReadonlyArray<number> }, { tokens: "uint16" }>, { readonly tokens: Tensor<Uint16Array> }>()
equal<
  Columns<{ a: number; b: number; c: { a: number } }, { a: "float32"; "c.a": "int8" }>,
  {
    readonly a: Tensor<Float32Array>
    readonly b: Tensor<Float64Array>
    readonly c: { readonly a: Tensor<Int8Array> }
  }
>()
equal<Columns<number, { "": "int16" }>, Tensor<Int16Array>>()
equal<Columns<{ label: number }, { label: "uint32" }>["label"], Tensor<Uint32Array>>()
equal<Columns<{ label: number }, { label: "float64" }>["label"], Tensor<Float64Array>>()

// They change no other kind of column; at run time such a request is refused.
equal<Columns<{ label: string }, { label: "int32" }>, { readonly label: ReadonlyArray<string> }>()
equal<Columns<{ image: Uint8Array }, { image: "float32" }>, { readonly image: Tensor<Uint8Array> }>()
