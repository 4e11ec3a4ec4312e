/**
 * A checkpoint as bytes: one piece that is either whole or known not to be.
 *
 * ```text
 * 8   magic: 0x89 "FURROW" 0x0a   a byte beyond ASCII and a line feed, which transfers as text would change
 * 4   version                     little endian, as all numbers here
 * 4   length of the head
 * 8   length of the body
 * …   head: JSON, in UTF-8        { id, cursor, json, bytes: [[name, length], …] }
 * …   body                        the trainer's bytes, one record after the other
 * 32  SHA-256 of all before it
 * ```
 *
 * The first 24 bytes and the last 32 are the same in all versions to come: so a newer one is told from a damaged one.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { parseJson } from "../core/EscapedNames.ts"
import { sameBytes, sha256 } from "../core/runtime.ts"
import { array, decode as bySchema, string, struct, tuple, unknown, wholeBetween } from "../core/SchemaValue.ts"
import { shown } from "../core/Show.ts"
import * as Cursor from "../scheduler/loader/Cursor.ts"
import { CheckpointError, type Kind } from "./CheckpointError.ts"
import * as State from "./State.ts"

const MAGIC = Uint8Array.of(0x89, 0x46, 0x55, 0x52, 0x52, 0x4f, 0x57, 0x0a)
const VERSION = 1
const FRONT = 24
const SUM = 32

/** What the bytes hold. */
export interface Content {
  /** Counts up from checkpoint to checkpoint of one store. */
  readonly id: number
  readonly cursor: Cursor.Cursor
  readonly state: Required<State.State>
}

const Count = wholeBetween(0, Number.MAX_SAFE_INTEGER)
const Head = struct({ id: Count, cursor: unknown, json: unknown, bytes: array(tuple(string, Count)) })

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Numbers beyond are none that this library gives; a file of such a name is ordered by what is in it. */
export const MOST_ID = 10 ** 12

/** A cursor with a copy of the state, whatever becomes of the state; only the id is missing. */
export interface Taken {
  readonly cursor: Cursor.Cursor
  /** The bytes of the checkpoint with this id. They are in one place of memory: the last id counts. */
  readonly encode: (id: number) => Uint8Array
}

/** Copies a state, at once. Gives the error if it cannot be stored. */
export const take = (cursor: Cursor.Cursor, state: unknown): Either.Either<Taken, State.Refused> =>
  Either.flatMap(State.check(state), (own) => {
    try {
      return Either.right({ cursor, encode: laid(cursor, own) })
    } catch (thrown) {
      // A text or an array longer than the engine can hold.
      return Either.left(State.unstorable(`the state is too large (${shown(thrown)})`))
    }
  })

/** Room for the id, in digits. */
const ID_ROOM = 16

const laid = (cursor: Cursor.Cursor, { bytes, json }: Required<State.State>): Taken["encode"] => {
  // Lengths are read once: those of arrays over memory that other threads share can grow.
  const records = Object.entries(bytes).map(([name, own]) => ({ name, record: own.subarray(0, own.length) }))
  const table = records.map(({ name, record }) => [name, record.length])
  const encoder = new TextEncoder()
  const rest = encoder.encode(`,${JSON.stringify({ cursor, json, bytes: table }).slice(1)}`)
  const body = records.reduce((sum, { record }) => sum + record.length, 0)
  const front = FRONT + '{"id":'.length + ID_ROOM
  const room = new Uint8Array(front + rest.length + body + SUM)
  room.set(rest, front)
  let end = front + rest.length
  for (const { record } of records) {
    room.set(record, end)
    end += record.length
  }
  return (id) => {
    const start = encoder.encode(`{"id":${id}`)
    // What stands before the body ends where the body begins.
    const whole = room.subarray(front - start.length - FRONT)
    const numbers = view(whole)
    whole.set(MAGIC)
    numbers.setUint32(8, VERSION, true)
    numbers.setUint32(12, start.length + rest.length, true)
    numbers.setBigUint64(16, BigInt(body), true)
    whole.set(start, FRONT)
    const length = whole.length - SUM
    whole.set(sha256(whole.subarray(0, length)), length)
    return whole
  }
}

const remedies: Partial<Readonly<Record<Kind, string>>> = {
  foreign: "it was left as it is; move it elsewhere, or keep checkpoints in a place of their own",
  newer: "go on with the library that wrote it, or move it elsewhere to go on from the one before"
}
const REMEDY = "it was left as it is; go on from another checkpoint, or move it elsewhere to start afresh"

/**
 * What is wrong with the bytes from outside, if anything, and where head and body lie. A checkpoint whose checksum fits was written
 * in one piece.
 */
const parts = (
  path: string,
  stored: Uint8Array
): Either.Either<{ readonly head: Uint8Array; readonly body: Uint8Array }, CheckpointError> => {
  const bad = (kind: Kind, wrong: string) =>
    Either.left(new CheckpointError({ kind, path, wrong, remedy: remedies[kind] ?? REMEDY }))
  if (stored.length === 0) return bad("empty", "is empty")
  const start = stored.subarray(0, MAGIC.length)
  if (!sameBytes(start, MAGIC.subarray(0, start.length))) {
    return bad("foreign", "is no checkpoint: it does not begin as one")
  }
  const least = FRONT + SUM
  if (stored.length < least) return bad("truncated", `is cut: ${stored.length} bytes are left`)
  const numbers = view(stored)
  const headLength = numbers.getUint32(12, true)
  const length = BigInt(least + headLength) + numbers.getBigUint64(16, true)
  if (BigInt(stored.length) < length) return bad("truncated", `is cut: ${stored.length} of ${length} bytes are left`)
  const end = stored.length - SUM
  if (BigInt(stored.length) > length || !sameBytes(sha256(stored.subarray(0, end)), stored.subarray(end))) {
    return bad("damaged", "is damaged: its checksum does not fit")
  }
  const version = numbers.getUint32(8, true)
  if (version !== VERSION) {
    const kind = version > VERSION ? "newer" : "content"
    return bad(kind, `is of version ${version}, and this library reads version ${VERSION}`)
  }
  const middle = FRONT + headLength
  return Either.right({ head: stored.subarray(FRONT, middle), body: stored.subarray(middle, end) })
}

/**
 * What the bytes hold; the records are copies. Fails with `CheckpointError`, which says what is wrong with them.
 */
export const decode = (path: string, stored: Uint8Array): Effect.Effect<Content, CheckpointError> =>
  Effect.gen(function* () {
    const content = (wrong: string) =>
      new CheckpointError({ kind: "content", path, wrong: `holds what is no checkpoint: ${wrong}`, remedy: REMEDY })
    const { body, head } = yield* parts(path, stored)
    const parsed = yield* Effect.try({
      try: () => parseJson(new TextDecoder().decode(head)),
      catch: (thrown) => content(thrown instanceof Error ? thrown.message : shown(thrown))
    })
    const read = yield* Either.mapLeft(bySchema(Head, parsed), ({ message }) => content(message))
    const cursor = yield* Effect.mapError(Cursor.decode(read.cursor), (error) => content(error.reason))
    const sum = read.bytes.reduce((total, [, length]) => total + length, 0)
    if (sum !== body.length) return yield* content(`its records are of ${sum} bytes, and ${body.length} are there`)
    let at = 0
    const bytes = Object.fromEntries(
      read.bytes.map(([name, length]) => {
        at += length
        // Not `slice`: file systems give Buffers, and theirs shares the memory.
        return [name, new Uint8Array(body.subarray(at - length, at))]
      })
    )
    const json = (read.json ?? null) as State.Json // it is parsed JSON
    return { id: read.id, cursor, state: { json, bytes } }
  })

/** The id that the bytes name, unchecked, to order checkpoints by; none if it cannot be read or believed. */
export const peek = (stored: Uint8Array): number | undefined => {
  if (stored.length < FRONT) return undefined
  const head = stored.subarray(FRONT, FRONT + view(stored).getUint32(12, true))
  const found = /^\{"id":(\d{1,15}),/.exec(new TextDecoder().decode(head.subarray(0, 32)))
  const id = Number(found?.[1])
  return id <= MOST_ID ? id : undefined
}
