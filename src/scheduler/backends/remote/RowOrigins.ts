/**
 * Where the rows of a stream came from that a member builds a batch of. Members are sent samples alone, so their errors are
 * given the shard and the row on this side. Arrays, since the windows that the rows were read in are not to be kept.
 *
 * @since 0.1.0
 */
import type { RowOrigin } from "../../../sources/stream/StreamSource.ts"
import type { RowRange } from "../../build/RowRange.ts"
import { StageError } from "../../build/StageError.ts"

/** @since 0.1.0 */
export class RowOrigins {
  readonly #dataset: string
  readonly #position: number
  readonly #shards: ReadonlyArray<string>
  /** For each row the number of its shard among these, and its row there. */
  readonly #places: ReadonlyArray<number>
  readonly #rows: Float64Array

  private constructor(dataset: string, position: number, origins: ReadonlyArray<RowOrigin>) {
    const shards = Array.from(new Set(origins.map(({ shard }) => shard)))
    const numbers = new Map(shards.map((shard, number) => [shard, number]))
    this.#dataset = dataset
    this.#position = position
    this.#shards = shards
    this.#places = origins.map(({ shard }) => numbers.get(shard) as number) // it is one of them
    this.#rows = Float64Array.from(origins, ({ row }) => row)
  }

  /** Those of a batch, if all its rows are in shards with names. */
  static of(dataset: string, { position, size, streamed }: RowRange): RowOrigins | undefined {
    if (streamed === undefined) return undefined
    const origins: Array<RowOrigin> = []
    for (let row = 0; row < size; row++) {
      const origin = streamed.originAt?.(position + row)
      if (origin === undefined) return undefined
      origins.push(origin)
    }
    return new RowOrigins(dataset, position, origins)
  }

  /** The error of a member with the place of its sample. */
  located(error: StageError): StageError {
    const at = error.position === undefined ? -1 : error.position - this.#position
    const shard = this.#shards[this.#places[at] ?? -1]
    const row = this.#rows[at]
    if (shard === undefined || row === undefined) return error
    return new StageError({ ...error, cause: error.cause, lineage: { dataset: this.#dataset, shard, row } })
  }
}
