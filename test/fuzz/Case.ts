/**
 * One damaged file, read as a whole: what it comes to is rows, or errors that name the shard. Never anything else: another
 * error, other rows although there are checksums, or a decoder that is broken for the files behind it.
 */
import { Effect } from "effect"
import { ShardError, type ShardIndex } from "../../src/sources/formats/Format.ts"
import { type Opened, openShard, shardOf } from "../support/shard.ts"
import { canonical } from "../support/shardHashes.ts"
import { type Damaged, damage, drawOf } from "./Damage.ts"
import type { Subject } from "./Subjects.ts"

/** What a shard comes to. */
interface Outcome {
  /** Its rows as text, where none is an error. */
  readonly rows: string | undefined
  readonly errors: number
  readonly index: ShardIndex | undefined
}

const LOCATION = "damaged.shard"

/** Throws what is no error of the shard. */
const checked = (thrown: unknown): void => {
  if (!(thrown instanceof ShardError)) throw thrown
  if (thrown.shard === LOCATION && thrown.reason.length > 10) return
  throw new Error(`an error names "${thrown.shard}", and says "${thrown.reason}"`)
}

const read = async ({ format }: Subject, bytes: Uint8Array, known?: ShardIndex): Promise<Outcome> => {
  const opened = await Effect.runPromise(Effect.either(openShard(format, shardOf(bytes, LOCATION), known)))
  if (opened._tag === "Left") {
    checked(opened.left)
    return { rows: undefined, errors: 1, index: undefined }
  }
  const { index } = opened.right
  const { errors, rows } = rowsIn(opened.right)
  return { rows: errors === 0 ? JSON.stringify(rows.map(canonical)) : undefined, errors, index }
}

const rowsIn = ({ blocks, index }: Opened<unknown>): { readonly rows: Array<unknown>; readonly errors: number } => {
  const rows: Array<unknown> = []
  let errors = 0
  for (const [number, { row, size }] of blocks.entries()) {
    // `Dataset.open` makes an error of it.
    if (size !== index.blocks[number]?.rows) errors++
    for (let place = 0; place < size; place++) {
      try {
        rows.push(row(place))
      } catch (thrown) {
        checked(thrown)
        errors++
      }
    }
  }
  return { rows, errors }
}

const known = new WeakMap<Subject, Promise<Outcome>>()

/** What the subject itself comes to. */
const soundOf = (subject: Subject): Promise<Outcome> => {
  const own = known.get(subject) ?? read(subject, subject.bytes)
  known.set(subject, own)
  return own
}

/** Something that is damaged, by a seed and the number of the case. */
export interface Kind {
  readonly name: string
  /** How many MB a case may take beside what the process had before. */
  readonly megabytes: number
  readonly run: (seed: number, number: number) => Promise<Result>
  /** Must be called at the end; says what is left over. */
  readonly close?: () => Promise<string | undefined>
}

export interface Result {
  readonly damage: Pick<Damaged, "what">
  /** Whether the damage was an error of the shard or of rows. */
  readonly isRefused: boolean
  /** What should not have been. */
  readonly wrong: string | undefined
}

/** So often the file itself is read behind a damaged one. */
const AGAIN = 8

/** Damages a subject by a seed and the number of the case, and reads it. */
export const runCase = async (subject: Subject, seed: number, number: number): Promise<Result> => {
  const draw = drawOf(seed, subject.name.length, subject.bytes.length, number)
  const own = damage(subject.bytes, draw)
  // A shard that is damaged behind its index is read by the index that was kept.
  const isIndexed = draw(3) === 0 && own.bytes.length === subject.bytes.length
  let isRefused = false
  try {
    const sound = await soundOf(subject)
    if (sound.rows === undefined) throw new Error("the file itself is not read")
    const found = await read(subject, own.bytes, isIndexed ? sound.index : undefined)
    isRefused = found.errors > 0
    if (subject.isChecked && own.isFlips && !isRefused && found.rows !== sound.rows) {
      throw new Error("its rows are others, and its checksums did not say so")
    }
    if (isRefused && draw(AGAIN) === 0) {
      const again = await read(subject, subject.bytes)
      if (again.rows !== sound.rows) throw new Error("behind it, the file itself is read otherwise")
    }
    return { damage: own, isRefused, wrong: undefined }
  } catch (thrown) {
    const text = thrown instanceof Error ? (thrown.stack ?? String(thrown)) : String(thrown)
    return { damage: own, isRefused, wrong: `${isIndexed ? "read by the index of the sound file: " : ""}${text}` }
  }
}

/** How a case is repeated. */
export const reproduction = (subject: Pick<Kind, "name">, seed: number, number: number): string =>
  `bun run test:fuzz --only "${subject.name}" --seed ${seed} --case ${number}`
