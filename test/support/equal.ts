/**
 * For `*.types.ts` files, which `tsc` checks and nobody runs.
 */

/** Whether two types are one and the same; a subtype, a union with more in it or `any` is not. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** `equal<A, B>()` compiles when A and B are the same type; else it asks for an argument that shows both. */
export const equal = <A, B>(..._: Equal<A, B> extends true ? [] : [{ readonly got: A; readonly wanted: B }]): void =>
  undefined
