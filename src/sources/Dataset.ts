/**
 * Random access datasets: sources and views.
 *
 * A view (`map`, `slice`, `split` …) takes no memory to speak of and reads nothing when it is made. Which samples it
 * holds is settled then; what they are is read when they are asked for.
 *
 * @since 0.1.0
 */
export { type Column, fromColumns, type Row } from "./Columns.ts"
export {
  type Content,
  type Dataset,
  DatasetError,
  type EffectOptions,
  effect,
  fromArray,
  IndexError,
  type MakeOptions,
  make,
  type NameOptions,
  range
} from "./RandomAccess.ts"
export { type SplitOptions, split } from "./Split.ts"
export { concat, filter, map, mapEffect, slice, subset, withContent } from "./Views.ts"
