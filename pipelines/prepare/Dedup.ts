/**
 * Which rows of a dataset came before: exact, in memory that does not grow with the rows but for a bit each. One pass over the
 * rows writes a hash of each to files, dealt by that hash; each file is then looked at alone.
 */
import { createHash } from "node:crypto"
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import { type Dataset, Format, Store } from "../../src/index.ts"
import type { IndexError } from "../../src/sources/RandomAccess.ts"
import { line } from "../cat/Line.ts"

/** A record: the first bytes of SHA-256, and the number of the row. */
const HASH = 24
const RECORD = HASH + 8

/** So many rows at most, on average, are looked at in one go: some 130 bytes each. */
const AT_ONCE = 500_000

/** Rows that are read in one go. */
const BATCH = 1024

/**
 * A value whose records have their fields by name: in whichever order they have them, they are equal. A `$` before a name that
 * begins with one tells a record from what the line has for a bigint, or for bytes.
 */
const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(ordered)
  if (!Predicate.isRecord(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  const names = Object.keys(value).toSorted()
  return Object.fromEntries(names.map((name) => [name.startsWith("$") ? `$${name}` : name, ordered(value[name])]))
}

/** What is compared of a row: a field, or all of it. `undefined` if the row lacks the field. */
const keyOf = (row: unknown, field: string | undefined): string | undefined => {
  if (field === undefined) return line(ordered(row))
  if (!Predicate.isRecord(row) || !Object.hasOwn(row, field) || row[field] === undefined) return undefined
  return line(ordered(row[field]))
}

export interface Kept {
  readonly isKept: (index: number) => boolean
  readonly duplicates: number
  /** How many rows were compared, of which some lack the field. */
  readonly compared: number
  /** How many rows lack the field: they are no duplicates, and are kept. */
  readonly keyless: number
  /** How many rows were not compared since the module threw at them, as it will when they are written. */
  readonly failed: number
  /** How many rows cannot be read, and are left out when they are written. */
  readonly unread: number
  /** A hash of which rows are kept. */
  readonly hash: string
}

/** In the place of a row that the module leaves out. */
export const LEFT_OUT: unique symbol = Symbol("left out")

/** In the place of a row that cannot be read. */
const UNREAD: unique symbol = Symbol("unread")

/**
 * Whether a row cannot be read now or later. One that a store did not give would be written, if that is over by then, without
 * having been compared.
 */
const isBad = (error: unknown): boolean =>
  error instanceof Format.ShardError || (error instanceof Store.StoreError && error.kind === "invalid")

/** Reads rows; if bad ones are to be left out, with {@link UNREAD} in their place. */
const reading =
  <A, E, R>(dataset: Dataset.Dataset<A, E, R>, skipBad: boolean) =>
  (indices: ReadonlyArray<number>): Effect.Effect<ReadonlyArray<A | typeof UNREAD>, E | IndexError, R> => {
    const all = dataset.getMany(indices)
    if (!skipBad) return all
    const unread = Effect.succeed<typeof UNREAD>(UNREAD)
    // One of them is bad, and this does not tell which.
    return Effect.catchIf(all, isBad, () =>
      Effect.forEach(indices, (index) => Effect.catchIf(dataset.get(index), isBad, () => unread))
    )
  }

/**
 * Looks at all rows as `written` makes them, in their order: of equal ones the first is kept. A row that lacks the field is
 * equal to none. Those that are left out, or at which `written` throws, are not compared.
 */
export const firsts = <A, E, R>(
  dataset: Dataset.Dataset<A, E, R>,
  field: string | undefined,
  onProgress: (rows: number) => void,
  {
    atOnce = AT_ONCE,
    skipBad = false,
    written = (row) => row
  }: {
    readonly atOnce?: number | undefined
    /** Whether rows that cannot be read are left out. */
    readonly skipBad?: boolean
    readonly written?: ((row: A) => unknown) | undefined
  } = {}
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => openFiles(Math.min(512, Math.max(1, Math.ceil(dataset.size / atOnce))))),
    ({ files }) =>
      Effect.gen(function* () {
        const { size } = dataset
        const parts = files.length
        let keyless = 0
        let compared = 0
        let failed = 0
        let unread = 0
        const read = reading(dataset, skipBad)
        const rowOf = (row: A): unknown => {
          try {
            return written(row)
          } catch {
            failed++
            return LEFT_OUT
          }
        }
        for (let from = 0; from < size; from += BATCH) {
          const to = Math.min(size, from + BATCH)
          const rows = yield* read(Array.from({ length: to - from }, (_, at) => from + at))
          const dealt = files.map((): Array<Buffer> => [])
          for (const [at, row] of rows.entries()) {
            if (row === UNREAD) {
              unread++
              continue
            }
            const own = rowOf(row)
            if (own === LEFT_OUT) continue
            compared++
            const key = keyOf(own, field)
            if (key === undefined) {
              keyless++
              continue
            }
            const record = Buffer.alloc(RECORD)
            record.set(createHash("sha256").update(key).digest().subarray(0, HASH))
            record.writeDoubleLE(from + at, HASH)
            dealt[record.readUInt32LE(0) % parts]?.push(record)
          }
          for (const [part, records] of dealt.entries()) writeAll(files[part] ?? -1, Buffer.concat(records))
          onProgress(to)
          // Rows of a block that is kept come without a wait, and signals have their turn between events.
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
        const seconds = new Uint8Array(Math.ceil(size / 8))
        let duplicates = 0
        for (const file of files) {
          const bytes = readAll(file)
          const seen = new Set<string>()
          for (let at = 0; at < bytes.length; at += RECORD) {
            const hash = bytes.toString("latin1", at, at + HASH)
            if (!seen.has(hash)) seen.add(hash)
            else {
              const row = bytes.readDoubleLE(at + HASH)
              const byte = Math.floor(row / 8)
              seconds[byte] = (seconds[byte] ?? 0) | (1 << (row & 7))
              duplicates++
            }
          }
        }
        const hash = createHash("sha256").update(seconds).digest("hex").slice(0, 16)
        const isKept = (index: number): boolean => ((seconds[Math.floor(index / 8)] ?? 0) & (1 << (index & 7))) === 0
        return { isKept, duplicates, compared, keyless, failed, unread, hash } satisfies Kept
      }),
    ({ close }) => Effect.sync(close)
  )

/**
 * Opens so many empty files, in a folder that is removed at once: the system frees them when they are closed, or when the
 * process ends, also by a signal.
 */
const openFiles = (count: number) => {
  const folder = kept(() => mkdtempSync(join(tmpdir(), "furrow-dedup-")))
  const files: Array<number> = []
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  const close = (): void => {
    files.forEach(closeSync)
    remove()
  }
  try {
    for (let part = 0; part < count; part++) files.push(kept(() => openSync(join(folder, String(part)), "w+")))
  } catch (thrown) {
    close()
    throw thrown
  }
  try {
    remove()
  } catch {
    // Windows keeps the folder of an open file: `close` removes it.
  }
  return { files, close }
}

/** Does something to temporary files. Throws an error that names their folder, which nobody has named, and the way out. */
const kept = <A>(work: () => A): A => {
  try {
    return work()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const way = `make room there, or set TMPDIR to another folder: it takes ${RECORD} bytes for each row`
    throw new Error(`the hashes of rows cannot be kept in ${tmpdir()}: ${why}; ${way}`, { cause })
  }
}

const writeAll = (file: number, bytes: Buffer): void => {
  for (let done = 0; done < bytes.length; ) done += kept(() => writeSync(file, bytes, done))
}

const readAll = (file: number): Buffer => {
  const bytes = Buffer.alloc(fstatSync(file).size)
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, bytes.length - done, done)
    if (read === 0) throw new Error("a temporary file of the rows' hashes became shorter than what was written")
    done += read
  }
  return bytes
}
