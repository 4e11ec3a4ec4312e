/**
 * The stream sources of a case: one source, one that is read on from an offset, or some shards in turns, of which some are
 * empty and some are read on from an offset.
 */
import { Effect, Stream } from "effect"
import { Dataset } from "../../src/index.ts"
import { shardOf } from "../../src/sources/stream/Items.ts"
import type { StreamShard } from "../../src/sources/stream/StreamSource.ts"
import type { Case } from "./Case.ts"
import type { Broken } from "./Pipeline.ts"
import { Dice } from "./World.ts"

/** What goes wrong while a stream is read. */
export interface StreamFaults {
  /** On the way of a row: takes its time, or ends the stream. */
  readonly reading: (index: number) => Effect.Effect<void, Broken>
  /** At a row that was read; throws if that one is bad. */
  readonly row: (index: number) => void
}

/** How often shards were opened and closed. */
export interface Opened {
  opened: number
  closed: number
}

/** The rows of each shard, by a loop: row k of the stream is the number k, whichever shard it lies in. */
export const partsOf = ({ seed, size }: Pick<Case, "seed" | "size">) => {
  const dice = new Dice(seed)
  const atOnce = 1 + dice.roll(3)
  const rows: Array<Array<number>> = Array.from({ length: 1 + dice.roll(6) }, () => [])
  const sizes = rows.map(() => 0)
  for (let row = 0; row < size; row++) {
    const shard = dice.roll(sizes.length)
    // Some stay empty.
    const of = shard % 3 === 1 ? 0 : shard
    sizes[of] = (sizes[of] ?? 0) + 1
  }
  const slots = Array.from({ length: Math.min(atOnce, rows.length) }, (_, slot) => slot)
  for (let next = 0; next < size; ) {
    for (const [place, shard] of slots.entries()) {
      let own = shard
      while (own < rows.length && rows[own]?.length === sizes[own]) own += slots.length
      slots[place] = own
      if (own < rows.length) rows[own]?.push(next++)
    }
  }
  return { atOnce, rows }
}

export const streamOf = (
  own: Case,
  faults: StreamFaults,
  counts: Opened
): Dataset.StreamSource<number, Dataset.StreamError<Broken>> => {
  const { atOnce, rows } =
    own.dataset === "parts" ? partsOf(own) : { atOnce: 1, rows: [Array.from({ length: own.size }, (_, row) => row)] }
  const held = Effect.acquireRelease(
    Effect.sync(() => counts.opened++),
    () => Effect.sync(() => counts.closed++)
  )
  const shards = rows.map((numbers, shard): StreamShard<number, never> => {
    const from = (place: number): Stream.Stream<number, Broken> =>
      Stream.fromIterable(numbers.slice(place)).pipe(
        Stream.rechunk(1 + (shard % 3)),
        Stream.mapEffect((index) => Effect.as(faults.reading(index), index))
      )
    const seeks = own.dataset === "seekable" || (own.dataset === "parts" && shard % 2 === 0)
    const seek = {
      after: (index: number) => String(numbers.indexOf(index) + 1),
      open: (offset: string) => from(Number(offset))
    }
    const plain = shardOf(() => from(0), seeks ? seek : undefined)
    return {
      ...plain,
      open: (...given) =>
        Effect.map(Effect.zipRight(held, plain.open(...given)), ({ pull }) => ({
          pull: (most) =>
            Effect.map(
              pull(most),
              (piece) =>
                piece && {
                  ...piece,
                  row: (place) => {
                    const index = piece.row(place)
                    faults.row(index)
                    return index
                  }
                }
            )
        }))
    }
  })
  return { ...Dataset.fromStream<number, Broken>([], { name: "numbers" }), shards, atOnce }
}
