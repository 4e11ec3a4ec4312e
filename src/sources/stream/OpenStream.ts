/**
 * Opens shards as a stream source: they are read from their start to their end, without an index.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { whole } from "../../core/Check.ts"
import { checked, InvalidOption } from "../../core/InvalidOption.ts"
import { optionsOf, textOf } from "../../core/Options.ts"
import { Made } from "../../core/Parameters.ts"
import { plural } from "../../core/Plural.ts"
import type { Format } from "../formats/Format.ts"
import { shardOf } from "../shards/ReadBlock.ts"
import { type RowSchema, validating } from "../shards/RowSchema.ts"
import type { ReadError } from "../shards/ShardedDataset.ts"
import { shardsAt } from "../shards/ShardList.ts"
import { areTold, contentOfShards, unseenBytes } from "../shards/Snapshot.ts"
import { type ObjectInfo, Store, StoreError } from "../store/Store.ts"
import { agreeing } from "./AgreedFields.ts"
import { blockShard, inOrderOf } from "./BlockShard.ts"
import { dealingOf } from "./Dealing.ts"
import type { StreamError } from "./StreamError.ts"
import { type StreamSource, TypeId } from "./StreamSource.ts"
import { open as windows } from "./WindowReader.ts"

/** @category options @since 0.1.0 */
export interface OpenStreamOptions<Row, A = Row, I = unknown> {
  /** How the shards are read: `Format.jsonl`, `text`, `csv`, `tsv` or `tar`. */
  readonly format: Format<Row>
  /** Its name in errors, logs and cursors. Default: the locations. */
  readonly name?: string
  /** What each row goes through when it is read; see `Dataset.open`. */
  readonly schema?: RowSchema<A, I>
  /** How many shards are read at once, in turns of a row each. Batches depend on it. At most 16. Default 4. */
  readonly atOnce?: number
  /**
   * What ranks are dealt. `"batches"`: each rank reads all shards, and has its share of each batch, so that batches do not depend
   * on the number of ranks. `"shards"`: rank r of n reads the shards r, r + n, r + 2n … alone; `steps` of the run says how many
   * batches an epoch has then. Where there are fewer shards than ranks it is `"windows"`: each rank reads all shards, and
   * delivers every n-th window, of `Pipeline.shuffleWindow`, or of as many rows as `{ windows: n }` says, or of a batch.
   * Default `"batches"`.
   */
  readonly ranks?: "batches" | "shards" | "windows" | { readonly windows: number }
}

/** A cursor holds where each shard stands that is read at once. */
const MOST = 16

/**
 * Opens shards of one format as a stream source. Nothing is scanned: an epoch reads each shard from its start to its end, some
 * of them at once, a row of each in turn; which comes next depends on the rows that they have alone. Plain shards are read on
 * from where they were when a run is resumed, compressed ones and CSV from their start.
 *
 * A compressed shard may be one member of gzip, or one frame of zstd, of any size. A row that cannot be decoded is an error of that row, which
 * `FailurePolicy.skip` leaves out. Fails with `StoreError` if shards cannot be found, and with `InvalidOption` for options that
 * are not as said, or for a format that is read by its index.
 *
 * @category constructors
 * @since 0.1.0
 */
export const openStream = <Row, A = Row, I = unknown>(
  locations: string | ReadonlyArray<string>,
  options: OpenStreamOptions<Row, A, I>
): Effect.Effect<StreamSource<A, StreamError<ReadError>>, StoreError | InvalidOption> =>
  Effect.gen(function* () {
    const { atOnce, dealt, format, list, name, ranks, validate } = yield* checked(() => optionsFrom(locations, options))
    const store = yield* Store
    const infos = yield* shardsAt(store, list, format)
    const agree = agreeing(format.name)
    return {
      [TypeId]: {},
      name,
      isNamed: true,
      made: new Made(
        "openStream",
        { name, format: format.made, atOnce, ...dealt },
        areTold(infos.map((info) => ({ info }))) ? undefined : unseenBytes(name)
      ),
      content: contentOfShards(infos),
      atOnce,
      ranks,
      locations: list,
      windows,
      shards: infos.map((info) =>
        blockShard({
          format,
          shard: shardOf(store, info),
          name: info.location,
          open: (offset) => (offset > info.size ? Stream.fail(shorter(info, offset)) : store.stream(info, offset)),
          seeks: true,
          validate,
          agree
        })
      )
    }
  })

/** A cursor stands behind the end of a shard: whoever goes on there would take it for the end of the epoch. */
const shorter = ({ location, size }: ObjectInfo, offset: number): StoreError => {
  const was = `it has ${plural(size, "byte")}, and was read up to byte ${offset} before`
  return new StoreError({
    location,
    kind: "changed",
    reason: `${was}; resume with the shards that the cursor is of, or start anew`
  })
}

const optionsFrom = <Row, A, I>(locations: string | ReadonlyArray<string>, options: OpenStreamOptions<Row, A, I>) => {
  const list = typeof locations === "string" ? [locations] : locations
  if (!Array.isArray(list) || list.length === 0) {
    const expected = "a location, or a list of at least one"
    throw new InvalidOption({ option: "the locations of Dataset.openStream", value: locations, expected })
  }
  for (const location of list) textOf("a location of Dataset.openStream", location)
  optionsOf("Dataset.openStream", options, {
    format: true,
    name: true,
    schema: true,
    atOnce: true,
    ranks: true
  } as const)
  const { atOnce, format, name, ranks, schema } = options
  inOrderOf(format)
  return {
    list,
    format,
    name: name === undefined ? list.join(", ") : textOf("name of Dataset.openStream", name),
    validate: schema === undefined ? undefined : validating(schema),
    atOnce: whole("atOnce", atOnce ?? 4, 1, MOST),
    ranks: dealingOf("Dataset.openStream", ranks, ["batches", "shards", "windows"]),
    // A source that shares batches is the one that it was before there was the option.
    dealt: ranks === undefined || ranks === "batches" ? {} : { ranks }
  }
}
