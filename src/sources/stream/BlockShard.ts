/**
 * A shard of bytes that are read in order: unpacked, cut into blocks and decoded by a format.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { show } from "../../core/Show.ts"
import { attempt } from "../formats/Fault.ts"
import { type Cutter, type DecodedBlock, type Format, type Shard, ShardError } from "../formats/Format.ts"
import { isPointer, pointerError } from "../formats/GitLfs.ts"
import { compressionOf } from "../formats/lines/Compression.ts"
import type { Validate } from "../shards/RowSchema.ts"
import type { AgreeFields } from "./AgreedFields.ts"
import { Bytes } from "./Bytes.ts"
import type { Pull } from "./Gunzip.ts"
import { type Items, pulling } from "./Items.ts"
import { earlyEnd, type OpenShard, type Piece, type SourceRank, type StreamShard } from "./StreamSource.ts"
import { unpack } from "./Unpack.ts"

/** @since 0.1.0 */
export interface BlockShardOptions<Row, A, E, R> {
  readonly format: Format<Row>
  readonly shard: Shard
  /** Its name in errors of the source. */
  readonly name: string | undefined
  /** Whether each item is looked at: those of a program may be something else than bytes. */
  readonly isChecked?: boolean
  /** Opens its bytes at an offset. */
  readonly open: (offset: number, whose: SourceRank) => Items<Uint8Array, E, R>
  /** Whether it can be opened elsewhere than at its start. */
  readonly seeks: boolean
  readonly validate: Validate<A> | undefined
  /** Compares the fields of its rows with those of the source's other shards. */
  readonly agree?: AgreeFields | undefined
}

/** Throws `InvalidOption` for a format whose shards cannot be read in order. @since 0.1.0 */
export const inOrderOf = <Row>(format: Format<Row>): NonNullable<Format<Row>["inOrder"]> => {
  const given: unknown = format
  const isFormat = typeof given === "object" && given !== null && "decode" in given
  if (isFormat && format.inOrder !== undefined) return format.inOrder
  const expected = isFormat
    ? "Format.jsonl, text, csv, tsv or tar: shards of this format have an index of their own, so Dataset.open reads them"
    : "a format, such as Format.jsonl()"
  throw new InvalidOption({ option: "format", value: isFormat ? format.name : given, expected })
}

/** A place in a shard: the first byte of a block, the number of its first row, and how many of its rows to drop. */
interface Place {
  readonly byte: number
  readonly row: number
  readonly drop: number
}

const START: Place = { byte: 0, row: 0, drop: 0 }

const placeOf = (offset: string): Place => {
  const [byte = 0, row = 0, drop = 0] = offset.split(",").map(Number)
  return { byte, row, drop }
}

/** @since 0.1.0 */
export const blockShard = <Row, A, E, R>(options: BlockShardOptions<Row, A, E, R>): StreamShard<A, R> => {
  const cutting = inOrderOf(options.format)
  return {
    name: options.name,
    open: (from, whose) =>
      Effect.gen(function* () {
        const place = from === undefined ? START : placeOf(from.offset)
        const cut = (yield* cutting)(options.shard, place.byte)
        const pull = yield* chunks(options.open(place.byte, whose), options.isChecked === true)
        const unpacked = place.byte === 0 ? yield* plain(pull, options) : { pull, isPacked: false }
        const canSeek = options.seeks && cut.seeks && !unpacked.isPacked
        const rows = opened(options, cut, unpacked.pull, place, canSeek)
        return unpacked.isPacked ? { pull: rows.pull } : rows
      })
  }
}

const chunks = <E, R>(
  items: Items<Uint8Array, E, R>,
  isChecked: boolean
): Effect.Effect<Pull<R>, unknown, R | Scope.Scope> =>
  Effect.map(pulling(items), (pull) => {
    let left: ReadonlyArray<Uint8Array> = []
    let number = 0
    const next: Pull<R> = Effect.suspend(() => {
      const [first, ...rest] = left
      left = rest
      if (first !== undefined) {
        const wrong = isChecked ? notBytes(first, number++) : undefined
        return wrong === undefined ? Effect.succeed(first) : Effect.fail(wrong)
      }
      return Effect.flatMap(pull(1), (more) => {
        if (more === undefined) return Effect.succeed(undefined)
        left = more
        return next
      })
    })
    return next
  })

/** What is wrong with an item that should be bytes. */
const notBytes = (item: unknown, number: number): TypeError | undefined => {
  if (item instanceof Uint8Array) return undefined
  const way =
    typeof item === "string"
      ? "give the bytes themselves (of a Node stream: without setEncoding), or encode texts with TextEncoder"
      : "give bytes, or leave the format out if the items are the samples"
  const is = typeof item === "string" ? `the text ${show(item)}` : show(item)
  return new TypeError(`with a format the items are bytes (Uint8Array), and item ${number} is ${is}; ${way}`)
}

/** How many bytes say how the others are compressed. */
const START_BYTES = 4

/** The bytes as they are, or unpacked if they are gzip or zstd by their first ones. */
const plain = <R>(pull: Pull<R>, { format, shard }: { readonly format: Format<unknown>; readonly shard: Shard }) =>
  Effect.gen(function* () {
    let first = new Uint8Array(0)
    // No more than it takes: whoever writes them may wait for an answer to the first ones.
    while (first.length < START_BYTES || isPointer(first) === undefined) {
      const more = yield* pull
      if (more === undefined) break
      first = new Uint8Array(Buffer.concat([first, more]))
    }
    if (isPointer(first) === true) return yield* pointerError(shard.info.location, format.name)
    let isGiven = false
    const all: Pull<R> = Effect.suspend(() => {
      if (isGiven || first.length === 0) return pull
      isGiven = true
      return Effect.succeed(first)
    })
    const compression = compressionOf(first)
    if (compression === undefined) return { pull: all, isPacked: false }
    return { pull: yield* unpack(compression, all), isPacked: true }
  })

const opened = <Row, A, E, R>(
  { agree, format, shard, validate }: BlockShardOptions<Row, A, E, R>,
  cutter: Cutter,
  pull: Pull<R>,
  from: Place,
  canSeek: boolean
): OpenShard<A, R> => {
  const bytes = new Bytes(from.byte)
  let { drop, row } = from
  let number = 0
  let isLast = false
  let isCompared = false

  const pieceOf = (decoded: DecodedBlock<Row>, start: number, end: number): Piece<A> => {
    const [first, dropped] = [row, Math.min(drop, decoded.size)]
    const own = rowsOf(decoded, first, { format, shard, validate })
    row += decoded.size
    drop -= dropped
    return {
      size: decoded.size - dropped,
      row: (place) => own(place + dropped),
      offset: (place) => {
        if (!canSeek) return undefined
        const at = place + dropped
        return at === decoded.size ? `${end},${first + at},0` : `${start},${first},${at}`
      }
    }
  }

  /** Rows that were given before are not there any more. */
  const endedEarly = (): ShardError =>
    new ShardError({
      shard: shard.info.location,
      format: format.name,
      row,
      reason: earlyEnd(row, from.row + from.drop)
    })

  const next: Effect.Effect<Piece<A> | undefined, unknown, R> = Effect.suspend(() =>
    Effect.flatMap(
      attempt(() => cutter.next(bytes.view, bytes.offset, row, isLast)),
      (cut): Effect.Effect<Piece<A> | undefined, unknown, R> => {
        if (cut === undefined) {
          if (isLast) return drop === 0 ? Effect.succeed(undefined) : Effect.fail(endedEarly())
          return Effect.flatMap(pull, (more) => {
            if (more === undefined) isLast = true
            else bytes.add(more)
            return next
          })
        }
        const { block, fields, header } = cut
        if (!isCompared && fields !== undefined) {
          isCompared = true
          const other = agree?.(fields, shard.info.location)
          if (other !== undefined) return Effect.fail(other)
        }
        const own = bytes.take(block.offset, block.length)
        if (block.rows === 0) return next
        const index = { blocks: [], header }
        const decoded = attempt(() => format.decode(own, block, { shard, index, number: number++, firstRow: row }))
        return Effect.map(
          Effect.flatMap(decoded, (found) => (Effect.isEffect(found) ? found : Effect.succeed(found))),
          (found) => pieceOf(found, block.offset, block.offset + block.length)
        )
      }
    )
  )
  return { pull: () => next, byte: () => bytes.offset }
}

/** The rows of a block, checked by the schema. */
const rowsOf = <Row, A>(
  decoded: DecodedBlock<Row>,
  first: number,
  { format, shard, validate }: Pick<BlockShardOptions<Row, A, never, never>, "format" | "shard" | "validate">
): ((place: number) => A) => {
  // Without a schema a row is what the format gives, which is then what the source gives.
  if (validate === undefined) return (place) => decoded.row(place) as unknown as A
  return (place) => {
    const own = validate(decoded.row(place))
    if (Either.isRight(own)) return own.right
    const reason = `it does not fit the schema: ${own.left}; correct the row or the schema`
    throw new ShardError({ shard: shard.info.location, format: format.name, row: first + place, reason })
  }
}
