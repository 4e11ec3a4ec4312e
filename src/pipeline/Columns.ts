/**
 * The types of a batch's columns: which column a sample makes, and which element types a column of numbers can have.
 *
 * @since 0.1.0
 */
import type { Tensor, TypedArray } from "../core/Tensor.ts"

/** @since 0.1.0 */
export interface NumberArrays {
  readonly int8: Int8Array
  readonly uint8: Uint8Array
  readonly int16: Int16Array
  readonly uint16: Uint16Array
  readonly int32: Int32Array
  readonly uint32: Uint32Array
  readonly float32: Float32Array
  readonly float64: Float64Array
}

/** The element types that a column of JavaScript numbers can be asked to have. @category models @since 0.1.0 */
export type NumberDType = keyof NumberArrays

/**
 * Element types for columns of numbers, by the column's path: `{ label: "int32", "meta.size": "uint16" }`; the path of
 * samples that are numbers themselves is `""`.
 *
 * @category models
 * @since 0.1.0
 */
export type DTypes = Readonly<Record<string, NumberDType>>

/**
 * The columns that samples of type `S` make:
 *
 * | sample | column |
 * |---|---|
 * | `Tensor<D>` of shape `[…]`, typed array `D` | `Tensor<D>` of shape `[batch, …]` |
 * | number | `Tensor<Float64Array>` `[batch]`, or as `dtypes` says |
 * | boolean | `Tensor<Uint8Array>` `[batch]`, 0 and 1 |
 * | bigint | `Tensor<BigInt64Array>` `[batch]` |
 * | array of numbers | `Tensor<Float64Array>` `[batch, length]`, or as `dtypes` says |
 * | string | array of strings |
 * | record | record of its fields' columns |
 * | `any`, `unknown` | `any`, `unknown`; what it is depends on the values |
 *
 * @category models
 * @since 0.1.0
 */
// biome-ignore lint/complexity/noBannedTypes: `{}` is the record without an entry, the default that names no column.
export type Columns<S, D extends DTypes = {}, Path extends string = ""> = unknown extends S ? S : ColumnsOf<S, D, Path>

/** Apart, so that the parts of a union are looked at one by one. */
type ColumnsOf<S, D extends DTypes, Path extends string> =
  S extends Tensor<infer T>
    ? Tensor<T>
    : S extends TypedArray
      ? Tensor<S>
      : S extends number | ReadonlyArray<number>
        ? Tensor<Path extends keyof D ? NumberArrays[D[Path]] : Float64Array>
        : S extends boolean
          ? Tensor<Uint8Array>
          : S extends bigint
            ? Tensor<BigInt64Array>
            : S extends string
              ? ReadonlyArray<string>
              : S extends ReadonlyArray<unknown>
                ? never
                : S extends object
                  ? { readonly [K in keyof S]: Columns<S[K], D, Join<Path, K>> }
                  : never

/** The path of a field. @since 0.1.0 */
export type Join<Path extends string, K> = K extends string | number
  ? Path extends ""
    ? `${K}`
    : `${Path}.${K}`
  : never

/** What makes a column that is not of numbers, or none. */
type NoNumbers = Tensor<TypedArray> | TypedArray | boolean | bigint | string | null | undefined

/**
 * The paths of the columns of numbers that samples of type `S` make, see {@link Columns}, in the levels that `Levels` has items for.
 *
 * @since 0.1.0
 */
export type NumberPaths<S, Path extends string = "", Levels extends ReadonlyArray<0> = [0, 0, 0, 0]> = unknown extends S
  ? Path
  : S extends NoNumbers
    ? never
    : S extends number | ReadonlyArray<number>
      ? Path
      : S extends ReadonlyArray<unknown>
        ? never
        : Levels extends [0, ...infer Below extends ReadonlyArray<0>]
          ? { readonly [K in keyof S]-?: NumberPaths<S[K], Join<Path, K>, Below> }[keyof S]
          : never

/** `true` if values of type `S` make a column of numbers, or may; else `never`. */
type AreNumbers<S> = unknown extends S
  ? true
  : S extends NoNumbers
    ? never
    : S extends number | ReadonlyArray<number>
      ? true
      : never

/** The same of what `Path` leads to below samples of type `S`. Fields beside it are not looked at: types may contain themselves. */
type AreNumbersAt<S, Path extends string> = unknown extends S
  ? true
  : S extends NoNumbers | number | ReadonlyArray<unknown>
    ? never
    : { readonly [K in keyof S]-?: K extends string | number ? AreNumbersBehind<S[K], `${K}`, Path> : never }[keyof S]

/** The same of what a path leads to that goes through a field of type `S`. A name may have points of its own. */
type AreNumbersBehind<S, Name extends string, Path extends string> =
  | (Path extends Name ? AreNumbers<S> : never)
  | (Path extends `${Name}.${infer Rest}` ? AreNumbersAt<S, Rest> : never)

/** The paths that lead to no column of numbers. */
type Misnamed<S, Path> = Path extends string
  ? [AreNumbersAt<S, Path> | (Path extends "" ? AreNumbers<S> : never)] extends [never]
    ? Path
    : never
  : Path

/**
 * Nothing where `dtypes` names columns of numbers alone; else a type that no pipeline has, which tells the names that
 * are none and those there are. Element types whose names are not known to the compiler are checked in the run.
 *
 * @since 0.1.0
 */
export type Named<S, D> = unknown extends S
  ? unknown
  : string extends keyof D
    ? unknown
    : [Misnamed<S, keyof D>] extends [never]
      ? unknown
      : {
          readonly "dtypes name no column of numbers": Misnamed<S, keyof D>
          readonly "columns of numbers": NumberPaths<S>
        }
