/**
 * Names in `dtypes`, held against the columns that samples make, at compile time.
 *
 * @since 0.1.0
 */
import type { Tensor, TypedArray } from "../../core/Tensor.ts"
import type { Join } from "../Batch.ts"

/** The paths of the columns of numbers that samples of type `S` make; see {@link Columns}. @since 0.1.0 */
export type NumberPaths<S, Path extends string = ""> =
  S extends Tensor<TypedArray>
    ? never
    : S extends TypedArray | boolean | bigint | string | null | undefined
      ? never
      : S extends number | ReadonlyArray<number>
        ? Path
        : S extends ReadonlyArray<unknown>
          ? never
          : S extends object
            ? { readonly [K in keyof S]-?: NumberPaths<S[K], Join<Path, K>> }[keyof S]
            : never

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
    : [Exclude<keyof D, NumberPaths<S>>] extends [never]
      ? unknown
      : {
          readonly "dtypes name no column of numbers": Exclude<keyof D, NumberPaths<S>>
          readonly "columns of numbers": NumberPaths<S>
        }
