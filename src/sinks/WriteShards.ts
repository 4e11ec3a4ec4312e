/**
 * Writes rows to shards, exactly once. The store makes a shard appear as a whole. After each shard the progress file is
 * replaced: it lists the shards written so far, and where in the source the next one begins. A killed run resumes from there:
 * what it had written since is written again, to the same names, with the same rows.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { encodeHex } from "effect/Encoding"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { plural } from "../core/Plural.ts"
import { entropy, sha256, sha256Stream } from "../core/runtime.ts"
import * as Manifest from "../sources/sinks/Manifest.ts"
import { RowFault, SinkError } from "../sources/sinks/SinkError.ts"
import type { Encoder, Piece, Rows } from "../sources/sinks/SinkFormat.ts"
import type { StoreError, StoreService } from "../sources/store/Store.ts"
import { claimed, type Folder, findName, folderOf, readText, removeText, statOf, writeText } from "./Folder.ts"
import type { Rewindable, RowSource } from "./RowSource.ts"
import { isSameShard } from "./SameShard.ts"
import { isAnyShardName, isShardName, type Sink, SinkTypeId, shardName } from "./SinkValue.ts"

/** What a sink has written so far. @category models @since 0.1.0 */
export interface WriteProgress {
  /** Shards that were written, including those of earlier starts, with their rows and bytes. */
  readonly shards: number
  readonly rows: number
  readonly bytes: number
}

/** How many blocks of a shard are compressed at once. */
const AT_ONCE = 4

/** The progress is replaced after a shard once this many times its own length has been written since the last time. */
const WORTH = 16

/** Up to this many bytes, the progress is replaced after every shard. */
const SHORT = 2 ** 16

/** Two progress files with the same shards differ in length by less than this: only the names of their runs differ. */
const RUN = 64

/** The rows of a source that are not written yet. */
interface Pending {
  rows: Rows
  /** The first of them that is not written. */
  from: number
  /** Where the source stood before these rows. */
  mark: unknown
}

/** A run that writes. */
interface Writing<E, R> {
  readonly sink: Sink
  readonly folder: Folder
  readonly source: RowSource<E, R>
  readonly run: string
  readonly pending: Pending
  readonly shards: Array<Manifest.WrittenShard>
  rows: number
  schema: unknown
}

/** Makes rows pending if there are any left. */
const fill = <E, R>({ folder, pending, sink, source }: Writing<E, R>): Effect.Effect<boolean, E | SinkError, R> =>
  Effect.gen(function* () {
    while (pending.from === pending.rows.size) {
      const mark = yield* source.mark
      const next = yield* source.next
      if (Option.isNone(next)) {
        pending.mark = mark
        return false
      }
      const { samples, size } = next.value
      // A batch of the user's own may have other rows than samples.
      if ("shards" in sink[SinkTypeId].cut && samples !== undefined && samples !== size) {
        const reason = `a batch gives ${plural(size, "row")} of its ${plural(samples, "sample")}, by whose number rows were divided into shards; give rows or bytes in the place of shards`
        return yield* new SinkError({ location: folder.location, kind: "row", reason })
      }
      pending.rows = next.value
      pending.from = 0
      pending.mark = mark
    }
    return true
  })

/** One shard while it is written. */
class OpenShard<E, R> {
  rows = 0
  bytes = 0
  readonly name: string
  readonly #writing: Writing<E, R>
  readonly #encoder: Encoder
  readonly #mostRows: number
  readonly #mostBytes: number
  readonly #content = sha256Stream()
  /** `undefined` as long as what is written is the content itself. */
  #written: ReturnType<typeof sha256Stream> | undefined
  #isEnded = false
  #done: Manifest.WrittenShard | undefined

  constructor(writing: Writing<E, R>, encoder: Encoder, mostRows: number, mostBytes: number) {
    this.#writing = writing
    this.#encoder = encoder
    this.#mostRows = mostRows
    this.#mostBytes = mostBytes
    this.name = shardName(writing.sink, writing.shards.length)
  }

  /** The shard's bytes; pulling them pulls rows from the source. The stream ends only if no other file is in the shard's place. */
  get stream(): Stream.Stream<Uint8Array, E | SinkError | StoreError, R> {
    const pieces: Stream.Stream<Piece, E | SinkError, R> = Stream.repeatEffectOption(
      Effect.suspend(() =>
        this.#isEnded ? Effect.fail(Option.none()) : Effect.mapError(this.#piece(), Option.some<E | SinkError>)
      )
    )
    return pieces.pipe(
      Stream.mapEffect(packed, { concurrency: AT_ONCE }),
      Stream.map(({ bytes, plain }) => this.#hashed(plain, bytes)),
      Stream.concat(Stream.execute(Effect.suspend(() => vacant(this.#writing, this.done))))
    )
  }

  /** What is known of the shard once it is written. */
  get done(): Manifest.WrittenShard {
    if (this.#done !== undefined) return this.#done
    const { bytes, name, rows } = this
    const content = this.#content.digest("hex")
    this.#done = { name, rows, bytes, sha256: this.#written?.digest("hex") ?? content, content }
    return this.#done
  }

  /** The next block, or the end. */
  #piece(): Effect.Effect<Piece, E | SinkError, R> {
    return Effect.gen(this, function* () {
      const encoder = this.#encoder
      const { pending } = this.#writing
      while (this.rows < this.#mostRows && encoder.size < this.#mostBytes) {
        if (encoder.isFull) return yield* this.#attempt(() => encoder.block())
        if (!(yield* fill(this.#writing))) break
        yield* this.#attempt(() => {
          const { from, rows } = pending
          const to = Math.min(rows.size, from + this.#mostRows - this.rows)
          pending.from = encoder.add(rows, from, to, this.#mostBytes)
          this.rows += pending.from - from
        })
      }
      this.#isEnded = true
      const piece = yield* this.#attempt(() => encoder.end())
      this.#writing.schema ??= encoder.schema
      return piece
    })
  }

  #attempt<A>(run: () => A): Effect.Effect<A, SinkError> {
    return Effect.suspend(() => {
      try {
        return Effect.succeed(run())
      } catch (thrown) {
        if (!(thrown instanceof RowFault)) return Effect.die(thrown)
        const { folder, pending, rows } = this.#writing
        // The rows of this shard before the batch, and those of the batch before the row.
        const row = rows + this.rows - (pending.from - thrown.place)
        return new SinkError({
          location: folder.location + this.name,
          kind: "row",
          row,
          // A place below 0 is that of a row of an earlier batch.
          sample: thrown.place < 0 ? undefined : pending.rows.origin?.(thrown.place),
          reason: thrown.reason,
          cause: thrown.cause
        })
      }
    })
  }

  #hashed(plain: Uint8Array, bytes: Uint8Array): Uint8Array {
    if (plain !== bytes) this.#written ??= this.#content.copy()
    this.#content.update(plain)
    this.#written?.update(bytes)
    this.bytes += bytes.length
    return bytes
  }
}

const packed = ({ bytes, plain }: Piece): Effect.Effect<{ plain: Uint8Array; bytes: Uint8Array }, SinkError> =>
  Effect.isEffect(bytes) ? Effect.map(bytes, (own) => ({ plain, bytes: own })) : Effect.succeed({ plain, bytes })

/** How many rows and bytes the next shard has at most. */
const limits = (sink: Sink, number: number, size: number | undefined): readonly [rows: number, bytes: number] => {
  const { cut } = sink[SinkTypeId]
  if ("rows" in cut) return [cut.rows, Number.POSITIVE_INFINITY]
  if ("bytes" in cut) return [Number.POSITIVE_INFINITY, cut.bytes]
  const all = size ?? 0
  const share = Math.floor(all / cut.shards) + (number < all % cut.shards ? 1 : 0)
  return [share, Number.POSITIVE_INFINITY]
}

const isNext = <E, R>(writing: Writing<E, R>): Effect.Effect<boolean, E | SinkError, R> => {
  const { cut } = writing.sink[SinkTypeId]
  return "shards" in cut ? Effect.succeed(writing.shards.length < cut.shards) : fill(writing)
}

/** Refuses a file in the place of a shard, unless it is that shard: an earlier start was killed after writing it. */
const vacant = ({ folder, sink }: Pick<Writing<never, never>, "folder" | "sink">, shard: Manifest.WrittenShard) =>
  Effect.gen(function* () {
    const info = yield* statOf(folder, shard.name)
    if (info === undefined) return
    const { compression } = sink[SinkTypeId].format
    const isSame = yield* isSameShard(folder.store.stream(info), info.size, shard, compression)
    if (!isSame) return yield* foreignTo(folder, shard.name)
  })

/** Writes one shard, and adds it to those of the run. */
const writeShard = <E, R>(writing: Writing<E, R>, size: number | undefined) =>
  Effect.gen(function* () {
    const { folder, shards, sink } = writing
    const encoder = yield* sink[SinkTypeId].format.encoder(writing.schema, writing.rows)
    const open = new OpenShard(writing, encoder, ...limits(sink, shards.length, size))
    const info = yield* folder.store.write(folder.location + open.name, open.stream)
    const { done } = open
    if (info.size !== done.bytes) {
      const reason = `it was written with ${plural(done.bytes, "byte")}, and has ${info.size}; is another program writing there?`
      return yield* new SinkError({ location: info.location, kind: "damaged", reason })
    }
    shards.push(done)
    writing.rows += done.rows
  })

/** Replaces the progress, unless another run has. */
const keep = <E, R>({ folder, pending, run, schema, shards, sink, source }: Writing<E, R>, isFirst: boolean) =>
  Effect.gen(function* () {
    const text = yield* isFirst ? Effect.succeed(undefined) : readText(folder, Manifest.PROGRESS)
    if (!isFirst && Manifest.decodeProgress(text ?? "")?.run !== run) {
      const reason = "another run has begun to write to this folder, and goes on; this one is given up"
      return yield* new SinkError({ location: folder.location, kind: "taken", reason })
    }
    // If no row of a batch is left, the source stands after it.
    const isLeft = pending.from < pending.rows.size
    const mark = isLeft ? pending.mark : yield* source.mark
    const own = { run, sink: sink.made, shards, schema, source: mark, skip: isLeft ? pending.from : 0 }
    const encoded = Manifest.encodeProgress(own)
    yield* writeText(folder, Manifest.PROGRESS, encoded)
    return encoded.length
  })

const foreignTo = ({ location }: Folder, name: string): SinkError => {
  const reason = `it holds ${name}, which this run did not write; write to another folder, or move it away`
  return new SinkError({ location, kind: "other", reason })
}

/** Whether a file is where the next shard goes; refuses it before a row is written, unless it `mayBeOwn`. */
const isTaken = <E, R>({ folder, shards, sink }: Writing<E, R>, mayBeOwn: boolean) =>
  Effect.gen(function* () {
    const name = shardName(sink, shards.length)
    const isThere = (yield* statOf(folder, name)) !== undefined
    if (!isThere || mayBeOwn) return isThere
    return yield* foreignTo(folder, name)
  })

/** Refuses to continue after shards that are no longer there. */
const present = (folder: Folder, of: string, shards: ReadonlyArray<Manifest.WrittenShard>) =>
  Effect.forEach(
    shards,
    ({ bytes, name }) =>
      Effect.flatMap(statOf(folder, name), (info) => {
        if (info?.size === bytes) return Effect.void
        const is = info === undefined ? "it is not there" : `it has ${info.size}`
        const reason = `its ${of} says that ${name} has ${plural(bytes, "byte")}, and ${is}; put the shard back, or remove all shards and ${of} and write them again`
        return new SinkError({ location: folder.location, kind: "damaged", reason })
      }),
    { concurrency: STATS, discard: true }
  )

/** How many shards are looked at at once. */
const STATS = 16

/** What earlier starts have left in the folder. */
const earlier = (folder: Folder, sink: Sink) =>
  Effect.gen(function* () {
    const { location } = folder
    const manifest = yield* readText(folder, Manifest.MANIFEST)
    const progress = yield* readText(folder, Manifest.PROGRESS)
    const done = manifest === undefined ? undefined : Manifest.decode(manifest)
    const noted = progress === undefined || progress === EMPTY ? undefined : Manifest.decodeProgress(progress)
    const isUnknown = manifest !== undefined && done === undefined
    if (isUnknown || (progress !== undefined && progress !== EMPTY && noted === undefined)) {
      const reason = `its ${isUnknown ? Manifest.MANIFEST : Manifest.PROGRESS} is damaged, or of another program or version; write to another folder`
      return yield* new SinkError({ location, kind: "damaged", reason })
    }
    // A start that wrote no shard holds nobody to its sink, pipeline and seed. One that was killed may have written it untold.
    const isBare = done === undefined && noted?.shards.length === 0
    const begun = isBare && (yield* findName(folder, isAnyShardName)) === undefined ? undefined : noted
    const other = [done, begun].find((own) => own !== undefined && own.sink !== sink.made)
    if (other !== undefined) {
      const reason = `it holds shards of ${other.sink}, and this is ${sink.made}; write to another folder, or remove what is there`
      return yield* new SinkError({ location, kind: "other", reason })
    }
    if (done === undefined && begun === undefined) {
      const foreign = yield* findName(folder, (name) => isShardName(sink, name))
      if (foreign !== undefined) return yield* foreignTo(folder, foreign)
    }
    yield* present(folder, done === undefined ? Manifest.PROGRESS : Manifest.MANIFEST, (done ?? begun)?.shards ?? [])
    return { done, begun }
  })

/** What a progress is replaced by where it cannot be removed. */
const EMPTY = "{}\n"

const sum = (shards: ReadonlyArray<Manifest.WrittenShard>, of: "rows" | "bytes"): number =>
  shards.reduce((total, shard) => total + shard[of], 0)

/** Writes the rows of a source, or what is left of them, and at last the manifest. @since 0.1.0 */
export const writeShards = <E, R>(
  store: StoreService,
  sink: Sink,
  rewindable: Rewindable<E, R>,
  onProgress: (progress: WriteProgress) => void
): Effect.Effect<Manifest.Manifest, E | SinkError | StoreError, R | Scope.Scope> => {
  const folder = folderOf(store, sink.location)
  const whole = Effect.gen(function* () {
    const { begun, done } = yield* earlier(folder, sink)
    const source = yield* rewindable.open((done ?? begun)?.source)
    const first = done ?? begun
    const writing: Writing<E, R> = {
      sink,
      folder,
      source,
      run: entropy().toString(16),
      pending: { rows: NONE, from: 0, mark: yield* source.mark },
      shards: [...(first?.shards ?? [])],
      rows: sum(first?.shards ?? [], "rows"),
      schema: first?.schema
    }
    const skip = begun === undefined || done !== undefined ? 0 : begun.skip
    const isLeft = yield* fill(writing)
    if (done !== undefined) {
      // It was killed between its last two steps.
      if (!isLeft && begun !== undefined) yield* removeText(folder, Manifest.PROGRESS, EMPTY)
      if (!isLeft) return done
      const reason = "it holds all shards of a run that was shorter; write to another folder, or remove what is there"
      return yield* new SinkError({ location: folder.location, kind: "other", reason })
    }
    const { pending } = writing
    if (skip > pending.rows.size || (skip > 0 && !isLeft)) {
      const reason = `${plural(skip, "row")} that come next by its cursor are in shards already, and the source has fewer of them now; write to another folder`
      return yield* new SinkError({ location: folder.location, kind: "damaged", reason })
    }
    pending.from = skip
    const tell = Effect.sync(() => {
      onProgress({ shards: writing.shards.length, rows: writing.rows, bytes: sum(writing.shards, "bytes") })
    })
    let length = yield* keep(writing, true)
    let since = 0
    // After a kill the next shard may be there already, and more of them if the progress was not replaced after each.
    let mayBeOwn = begun !== undefined
    yield* tell
    while (yield* isNext(writing)) {
      mayBeOwn = (yield* isTaken(writing, mayBeOwn)) && length > SHORT - RUN
      yield* writeShard(writing, rewindable.size)
      since += writing.shards.at(-1)?.bytes ?? 0
      if (length <= SHORT || since >= WORTH * length) {
        length = yield* keep(writing, false)
        since = 0
      }
      yield* tell
    }
    if (since > 0) yield* keep(writing, false)
    const { rows, schema, shards } = writing
    const content = encodeHex(sha256(shards.map((shard) => `${shard.rows} ${shard.content}\n`).join("")))
    const manifest: Manifest.Manifest = {
      sink: sink.made,
      rows,
      bytes: sum(shards, "bytes"),
      content,
      ...(schema === undefined ? {} : { schema }),
      source: yield* source.mark,
      shards
    }
    yield* writeText(folder, Manifest.MANIFEST, Manifest.encode(manifest))
    yield* removeText(folder, Manifest.PROGRESS, EMPTY)
    return manifest
  })
  return claimed(folder, whole)
}

const NONE: Rows = { size: 0, row: () => undefined }
