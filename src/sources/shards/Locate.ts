/**
 * Where the rows of indexed shards lie: in which shard and block, and at which byte.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Format, ShardError } from "../formats/Format.ts"
import { type Dataset, IndexError, type Lineage, type RowPlace } from "../RandomAccess.ts"
import type { StoreError, StoreService } from "../store/Store.ts"
import { bytesAt } from "./ReadBlock.ts"
import type { Snapshot } from "./Snapshot.ts"

/** What tells where the rows of a dataset come from. @since 0.1.0 */
export const locating = (
  name: string,
  format: Format<unknown>,
  store: StoreService,
  snapshot: Snapshot
): Required<Pick<Dataset<unknown, ShardError | StoreError>, "lineage" | "locate">> => {
  const { starts } = snapshot
  const placeOf = (index: number) => {
    const block = snapshot.blockOf(index)
    const at = snapshot.at(block)
    const blockRow = index - (starts[block] as number) // a block that there is
    return { at, blockRow, shard: at.shard.info.location, row: at.firstRow + blockRow }
  }
  return {
    lineage: (index): Lineage => {
      const { row, shard } = placeOf(index)
      return { dataset: name, shard, row }
    },
    locate: (index) =>
      Effect.suspend((): Effect.Effect<RowPlace, ShardError | StoreError | IndexError> => {
        const { size } = snapshot
        if (!(index >= 0 && index < size && Number.isInteger(index))) {
          return Effect.fail(new IndexError({ dataset: name, index, size }))
        }
        const { at, blockRow, row, shard } = placeOf(index)
        const place = { shard, row, block: at.number, blockRow }
        const found = bytesAt(format, store, at)
        if (found === undefined) return Effect.succeed({ ...place, byte: undefined, length: undefined })
        return Effect.map(found, ({ ends, from, starts }) => {
          // As many as the block has rows, as was checked.
          const [start, end] = [starts[blockRow] as number, ends[blockRow] as number]
          return { ...place, byte: from + start, length: end - start }
        })
      })
  }
}
