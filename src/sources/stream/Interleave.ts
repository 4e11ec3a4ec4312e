/**
 * The rows of several shards as one row: some shards are read at once, by a fiber each, and give a row in turn.
 *
 * ```text
 * slot 0   shard 0: a b c | shard 2: d …        2 shards at once
 * slot 1   shard 1: A B | shard 3: C …
 * rows     a A b B c C d …
 * ```
 *
 * The order depends on the rows that the shards have, and not on which of them is read sooner.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { Checkpoint } from "./Checkpoint.ts"
import type { RankPart } from "./Dealing.ts"
import { StreamError } from "./StreamError.ts"
import {
  earlyEnd,
  type OpenShard,
  type Piece,
  type RowWindow,
  type StreamShard,
  type StreamSource
} from "./StreamSource.ts"

/** The most rows that are asked for at once. */
const MOST = 256

/** Consecutive rows as they were read. @since 0.1.0 */
export interface ReadRows extends RowWindow {
  /** Those from a place on, up to another one: nothing else is kept for them. */
  readonly part: (from: number, to: number) => RowWindow
}

/** Rows of a shard that were read together. */
interface ShardPiece {
  readonly piece: Piece<unknown>
  /** The name of the shard, and which of its rows is the first one. */
  readonly shard: string | undefined
  readonly first: number
}

const rowsIn = (pieces: ReadonlyArray<ShardPiece>, places: ReadonlyArray<number>): ReadRows => ({
  size: pieces.length,
  row: (place) => (pieces[place] as ShardPiece).piece.row(places[place] as number), // below the size
  origin: (place) => {
    const { first, shard } = pieces[place] as ShardPiece // as above
    return shard === undefined ? undefined : { shard, row: first + (places[place] as number) }
  },
  part: (from, to) => {
    const { origin, row, size } = rowsIn(pieces.slice(from, to), places.slice(from, to))
    return { origin, row, size }
  }
})

/** One of the shards that are read at once. */
interface Slot {
  /** The number of the shard. */
  shard: number
  /** How many of its rows were handed on. */
  taken: number
  /** How many rows are to be dropped: the source had to be read again. */
  drop: number
  piece: ShardPiece | undefined
  /** The next row in the piece. */
  place: number
  /** What is read next, in a fiber of its own. */
  next: Fiber.RuntimeFiber<Piece<unknown> | undefined, unknown> | undefined
  open: OpenShard<unknown, unknown> | undefined
  /** Holds the shard, and the fiber that reads it, which ends first. */
  scope: Scope.CloseableScope | undefined
  fibers: Scope.Scope | undefined
}

/** A source that is not told whose rows it gives is read as if there were no other rank. */
const ALONE = { rank: 0, world: 1 }

/** A slot that has nothing open. */
const NOTHING = {
  drop: 0,
  piece: undefined,
  place: 0,
  next: undefined,
  open: undefined,
  scope: undefined,
  fibers: undefined
}

/** Reads a source from its start, or from where it stood. What it has open is closed with the scope. @since 0.1.0 */
export class Interleave {
  readonly #source: StreamSource<unknown, unknown, unknown>
  readonly #shards: StreamSource<unknown, unknown, unknown>["shards"]
  /** Whose rows the source gives, if it is told. */
  readonly #whose: { readonly rank: number; readonly world: number }
  readonly #scope: Scope.Scope
  readonly #slots: ReadonlyArray<Slot>
  readonly #from: Checkpoint | undefined
  /** How many rows are asked for at once. */
  readonly #most: number
  #row: number
  #turn: number
  #open: number

  constructor(
    source: StreamSource<unknown, unknown, unknown>,
    scope: Scope.Scope,
    from: Checkpoint | undefined,
    window: number,
    part?: RankPart
  ) {
    const { atOnce } = source
    const shards =
      part?.by === "shards" ? source.shards.filter((_, shard) => shard % part.world === part.rank) : source.shards
    this.#shards = shards
    this.#whose = part?.by === "source" ? { rank: part.rank, world: part.world } : ALONE
    const number = Math.max(1, Math.min(atOnce, shards.length))
    this.#source = source
    this.#scope = scope
    this.#from = from?.slots.length === number ? from : undefined
    this.#most = Math.max(1, Math.min(MOST, Math.ceil(window / number)))
    this.#row = this.#from?.row ?? 0
    this.#turn = this.#from?.turn ?? 0
    this.#slots = Array.from({ length: number }, (_, slot) => {
      const { rows = 0, shard = slot } = this.#from?.slots[slot] ?? {}
      return { ...NOTHING, shard, taken: rows }
    })
    this.#open = this.#slots.filter(({ shard }) => shard < shards.length).length
  }

  /** How many rows were handed on. */
  get row(): number {
    return this.#row
  }

  /** How many rows are read again before the first one that is handed on. */
  get again(): number {
    return (this.#from?.slots ?? []).reduce((sum, { offset, rows }) => sum + (offset === null ? rows : 0), 0)
  }

  /** Where the source stands. */
  get checkpoint(): Checkpoint {
    return {
      row: this.#row,
      turn: this.#turn,
      slots: this.#slots.map(({ piece, place, shard, taken }, slot) => {
        const before = this.#from?.slots[slot]
        const isBefore = before?.shard === shard && before.rows === taken
        const offset = piece?.piece.offset(place) ?? (isBefore ? before.offset : undefined)
        return { shard, rows: taken, offset: offset ?? null }
      })
    }
  }

  /** Begins to read all shards that are read at once. */
  readonly begin: Effect.Effect<void, never, unknown> = Effect.suspend(() =>
    Effect.forEach(
      this.#slots,
      (slot, place) =>
        slot.shard < this.#shards.length
          ? this.#enter(slot, this.#from?.slots[place]?.offset ?? undefined)
          : Effect.void,
      { discard: true }
    )
  )

  /** The next rows, up to `size`; fewer only at the end. */
  take(size: number): Effect.Effect<ReadRows, StreamError, unknown> {
    const pieces: Array<ShardPiece> = []
    const places: Array<number> = []
    const fill = (): Effect.Effect<ReadRows, StreamError, unknown> => {
      for (;;) {
        if (pieces.length === size || this.#open === 0) return Effect.succeed(rowsIn(pieces, places))
        const slot = this.#slots[this.#turn] as Slot // one of them
        const { piece } = slot
        if (slot.shard >= this.#shards.length) this.#pass()
        else if (piece === undefined || slot.place === piece.piece.size)
          return Effect.flatMap(this.#advance(slot), fill)
        else {
          pieces.push(piece)
          places.push(slot.place++)
          slot.taken++
          this.#row++
          this.#pass()
        }
      }
    }
    return Effect.suspend(fill)
  }

  /** It is the next slot's turn. */
  #pass(): void {
    this.#turn = this.#turn + 1 === this.#slots.length ? 0 : this.#turn + 1
  }

  #shardOf({ shard }: Slot): StreamShard<unknown, unknown> {
    return this.#shards[shard] as StreamShard<unknown, unknown> // the slot has one
  }

  /** Opens a slot's shard, and begins to read it. */
  #enter(slot: Slot, offset?: string): Effect.Effect<void, never, unknown> {
    return Effect.gen(this, function* () {
      const scope = yield* Scope.fork(this.#scope, ExecutionStrategy.sequential)
      const held = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      const fibers = yield* Scope.fork(scope, ExecutionStrategy.sequential)
      if (offset === undefined) slot.drop = slot.taken
      const from = offset === undefined ? undefined : { offset, row: slot.taken }
      const opened = Effect.suspend(() => this.#shardOf(slot).open(from, this.#whose)).pipe(Scope.extend(held))
      const first = Effect.flatMap(opened, (open) => {
        slot.open = open
        return open.pull(this.#most)
      })
      Object.assign(slot, { scope, fibers, next: yield* Effect.forkIn(Effect.interruptible(first), fibers) })
    })
  }

  /** Takes what was read of a slot's shard, and begins to read on; at its end goes on to the slot's next shard. */
  #advance(slot: Slot): Effect.Effect<void, StreamError, unknown> {
    return Effect.gen(this, function* () {
      const { fibers, next, scope } = slot
      if (next === undefined || scope === undefined || fibers === undefined) return yield* this.#enter(slot)
      const exit = yield* Fiber.await(next)
      if (Exit.isFailure(exit)) return yield* this.#failed(slot, exit.cause)
      const piece = exit.value
      if (piece === undefined) {
        if (slot.drop > 0)
          return yield* this.#failed(slot, Cause.die(new Error(earlyEnd(slot.taken - slot.drop, slot.taken))))
        // If this were interrupted, the scope would count as closed, and the shard would stay open.
        yield* Effect.uninterruptible(Scope.close(scope, Exit.void))
        slot.shard += this.#slots.length
        Object.assign(slot, NOTHING, { taken: 0 })
        if (slot.shard >= this.#shards.length) this.#open--
        return
      }
      const dropped = Math.min(slot.drop, piece.size)
      slot.piece = { piece, shard: this.#shardOf(slot).name, first: slot.taken - slot.drop }
      slot.drop -= dropped
      slot.place = dropped
      // It is open, since it was read from.
      const { open } = slot
      if (open !== undefined) slot.next = yield* Effect.forkIn(Effect.interruptible(open.pull(this.#most)), fibers)
    })
  }

  #failed(slot: Slot, cause: Cause.Cause<unknown>): Effect.Effect<never, StreamError> {
    // An interrupt here comes from the source itself: the reader has ended before the fibers of shards are interrupted.
    const { name } = this.#shardOf(slot)
    const row = slot.taken - slot.drop
    const byte = slot.open?.byte?.()
    return Effect.fail(
      new StreamError({ source: this.#source.name, shard: name, row, byte, cause: Cause.squash(cause) })
    )
  }
}
