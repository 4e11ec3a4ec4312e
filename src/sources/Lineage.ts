/**
 * Where samples came from: the source below all views, samplers and stages, and their rows there.
 *
 * A run keeps no lineage: a batch has the dataset index of each row, and every view knows which index below it an index
 * stands for. So lineage costs nothing until it is asked for, and then a call a view.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import { InvalidOption } from "../core/InvalidOption.ts"
import { listOf } from "../core/Options.ts"
import { check, type Dataset, IndexError, isDataset, type Lineage, lineageAt, type RowPlace } from "./RandomAccess.ts"

export type { Lineage, RowPlace } from "./RandomAccess.ts"

/** A dataset, or a pipeline, whose dataset is meant. @category models @since 0.1.0 */
export type Origin = Dataset<unknown, unknown, unknown> | { readonly dataset: Dataset<unknown, unknown, unknown> }

/** What of a batch tells where its rows came from. @category models @since 0.1.0 */
export interface Rows {
  /** The dataset index of each row. */
  readonly indices: ArrayLike<number>
  /** The number of each row among those that a stage made of one sample, if one made several. */
  readonly children?: ArrayLike<number> | undefined
}

const isOrigin = (value: unknown): value is Origin =>
  isDataset(value) || (typeof value === "object" && value !== null && "dataset" in value && isDataset(value.dataset))

const datasetOf = (origin: Origin): Dataset<unknown, unknown, unknown> => {
  if (isOrigin(origin)) return "dataset" in origin ? origin.dataset : origin
  throw new InvalidOption({ option: "the origin of samples", value: origin, expected: "a dataset or a pipeline" })
}

/** Tells, for `dual`, whether a function was given its origin first; if not, checks what it was given. */
const originFirst =
  (checked: (first: never) => unknown) =>
  (args: ArrayLike<unknown>): boolean => {
    if (args.length > 1 || isOrigin(args[0])) return true
    checked(args[0] as never) // as the caller gave it, who may not have types
    return false
  }

const indexOf = (index: number): number => {
  if (typeof index === "number") return index
  throw new InvalidOption({ option: "the index of a sample", value: index, expected: "a number" })
}

const indicesOf = (batch: Rows): ArrayLike<number> => {
  const given: unknown = batch
  if (typeof given === "object" && given !== null) return listOf("indices of the batch", batch.indices)
  throw new InvalidOption({ option: "the batch", value: given, expected: "a batch, or { indices }" })
}

/**
 * Returns where the sample at a dataset index came from. Throws `IndexError` for an index that is out of range, and
 * `DatasetError` if the dataset's function `lineage` throws, or gives no row.
 *
 * @example
 * import { Dataset, Lineage } from "furrow"
 *
 * const days = Dataset.concat(Dataset.range(24, { name: "monday" }), Dataset.range(24, { name: "tuesday" }))
 * const { dataset, row } = Lineage.at(Dataset.slice(days, 20), 6)
 * console.assert(dataset === "tuesday" && row === 2)
 *
 * @category getters
 * @since 0.1.0
 */
export const at: {
  (index: number): (origin: Origin) => Lineage
  (origin: Origin, index: number): Lineage
} = dual(originFirst(indexOf), (origin: Origin, index: number): Lineage => {
  const dataset = datasetOf(origin)
  check(dataset.name, indexOf(index), dataset.size)
  return lineageAt(dataset, index)
})

/**
 * Returns where the sample at a dataset index lies in its shard, or `undefined` if it is in no shard.
 *
 * `tail -c +$((byte + 1)) shard | head -c $length` prints it; for a compressed shard, `zstd -dc shard | tail …`. For JSON Lines, CSV
 * and text, the bytes are those of its line, record or paragraph, without the newline at the end; for a tar, those from the header
 * of the sample's first file to the end of its last one. In formats that store columns (Parquet, Arrow, npy, npz, safetensors) a
 * row has no bytes of its own; there, `block` (the row group or record batch) and `blockRow` identify it.
 *
 * Reads the sample's block. Fails with `IndexError` if the index is out of range, and as reading the sample does if its block
 * is damaged.
 *
 * @example
 * import { Effect, Stream } from "effect"
 * import { Dataset, Format, Lineage, Sink, Store } from "furrow"
 *
 * const found = Effect.gen(function* () {
 *   yield* Sink.write(Stream.make({ id: 1 }, { id: 22 }), Sink.jsonl("memory://ids"))
 *   const dataset = yield* Dataset.open("memory://ids", { format: Format.jsonl(), index: false })
 *   return yield* Lineage.locate(dataset, 1)
 * })
 * const place = Effect.runSync(Effect.provide(found, Store.memory()))
 * console.assert(place?.row === 1 && place.byte === 9 && place.length === 9)
 *
 * @category getters
 * @since 0.1.0
 */
export const locate: {
  (index: number): <E>(origin: Located<E>) => Effect.Effect<RowPlace | undefined, E | IndexError>
  <E>(origin: Located<E>, index: number): Effect.Effect<RowPlace | undefined, E | IndexError>
} = dual(
  originFirst(indexOf),
  <E>(origin: Located<E>, index: number): Effect.Effect<RowPlace | undefined, E | IndexError> =>
    Effect.suspend((): Effect.Effect<RowPlace | undefined, E | IndexError> => {
      const { locate, name, size } = datasetOf(origin)
      if (!(indexOf(index) >= 0 && index < size && Number.isInteger(index))) {
        return Effect.fail(new IndexError({ dataset: name, index, size }))
      }
      // It fails as reading the sample does.
      const found = locate?.(index) as Effect.Effect<RowPlace | undefined, E> | undefined
      return found ?? Effect.succeed(undefined)
    })
)

/** A dataset, or a pipeline, whose samples can be located. @category models @since 0.1.0 */
export type Located<E> = Dataset<unknown, E, unknown> | { readonly dataset: Dataset<unknown, E, unknown> }

/**
 * Returns where each row of a batch came from. Throws `IndexError` for an index that the dataset does not have.
 *
 * @example
 * import { Dataset, furrow, Lineage, Pipeline } from "furrow"
 *
 * const pipeline = Pipeline.from(Dataset.range(10, { name: "ten" })).pipe(Pipeline.batch(4))
 * for await (const batch of furrow(pipeline, { epochs: 1 })) {
 *   const [first] = Lineage.ofBatch(pipeline, batch)
 *   console.assert(first?.row === batch.indices[0])
 * }
 *
 * @category getters
 * @since 0.1.0
 */
export const ofBatch: {
  (batch: Rows): (origin: Origin) => Array<Lineage>
  (origin: Origin, batch: Rows): Array<Lineage>
} = dual(originFirst(indicesOf), (origin: Origin, batch: Rows): Array<Lineage> => {
  const indices = indicesOf(batch)
  const { children } = batch
  return Array.from(indices, (index, row) => {
    const own = at(origin, index)
    return children === undefined ? own : { ...own, child: children[row] }
  })
})

/**
 * Returns a lineage as text, such as `row 3 of photos/cat/12.jpg`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = ({ child, component, dataset, row, shard }: Lineage): string => {
  const part = component === undefined ? "" : `, component ${component}`
  return `row ${row} of ${shard ?? dataset}${part}${child === undefined ? "" : `, child ${child}`}`
}
