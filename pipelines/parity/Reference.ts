/**
 * Reference files: what real libraries drew, or only the seeds that somebody wants drawn. A file is known by what is in
 * it: `cases` are runs of PyTorch's DataLoader, all other keys are sections of single generators.
 */

import * as FileSystem from "@effect/platform/FileSystem"
import { formatErrorSync } from "@effect/schema/ArrayFormatter"
import * as Schema from "@effect/schema/Schema"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { Workers } from "../../src/index.ts"
import { Usage } from "../cli/Main.ts"
import * as Json from "./Json.ts"
import { type LoaderCase, policies, type Row, rows } from "./LoaderCase.ts"
import { type Section, type Start, sections } from "./Sections.ts"

const Count = Schema.Number.pipe(Schema.int(), Schema.between(1, 1_000_000))
const Whole = Schema.Union(Schema.Number.pipe(Schema.int()), Schema.BigIntFromSelf)

const Case = Schema.Struct({
  policy: Schema.Literal(...policies),
  torch_seed: Whole,
  numpy_seed: Schema.NullOr(Whole),
  length: Count,
  batch_size: Count,
  num_workers: Count.pipe(Schema.lessThanOrEqualTo(Workers.MAX)),
  epochs: Count,
  shuffle: Schema.Boolean,
  drop_last: Schema.Boolean,
  persistent_workers: Schema.Boolean
})

type Fields = Readonly<Record<string, unknown>>

/** A file's content, and the name that errors have for it. */
export interface File {
  readonly name: string
  readonly content: Fields
}

const isFields = (value: unknown): value is Fields => Predicate.isRecord(value) && !Array.isArray(value)

/** Reads a file. Fails with one line when it cannot be read, is no JSON, or holds nothing that is known. */
export const read = (name: string): Effect.Effect<File, Usage, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const text = yield* fs
      .readFileString(name)
      .pipe(Effect.mapError(({ message }) => new Usage({ message: `${name} cannot be read: ${message}` })))
    const content = yield* Either.mapLeft(
      Json.parse(text),
      (reason) => new Usage({ message: `${name} is no JSON: ${reason.split("\n")[0]}` })
    )
    if (!isFields(content)) return yield* new Usage({ message: `${name} holds no JSON object` })
    const unknown = Object.keys(content).filter((key) => !(key in sections) && key !== "cases" && key !== "source")
    const known = `"cases" or one of ${Object.keys(sections).join(", ")}`
    if (unknown.length > 0) {
      return yield* new Usage({ message: `${name}: ${JSON.stringify(unknown[0])} is no known section: ${known}` })
    }
    if (Object.keys(content).every((key) => key === "source")) {
      return yield* new Usage({ message: `${name} holds no reference: it needs ${known}` })
    }
    return { name, content }
  })

/** One entry of a section: where it stands, what seeds it, and what the file has for it. */
interface Entry {
  readonly place: string
  readonly start: Start
  readonly given: Fields
}

const wholeOf = (place: string, value: unknown): bigint => {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return BigInt(value as number | bigint) // just seen to be
  if (typeof value === "string" && /^-?\d+$/.test(value)) return BigInt(value)
  throw new Usage({ message: `${place}: ${Json.format(value)} is no whole number` })
}

const listOf = (place: string, value: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(value)) return value
  throw new Usage({ message: `${place} is no list` })
}

const entriesOf = (name: string, { layout }: Section, value: unknown): ReadonlyArray<Entry> => {
  if (layout === "by seed") {
    const pairs: ReadonlyArray<readonly [unknown, unknown]> = Array.isArray(value)
      ? value.map((seed: unknown) => [seed, {}])
      : isFields(value)
        ? Object.entries(value)
        : listOf(name, value).map((seed) => [seed, {}])
    return pairs.map(([seed, given]) => {
      const place = `${name}, seed ${typeof seed === "string" ? seed : Json.format(seed)}`
      return { place, start: { entropy: [wholeOf(place, seed)], spawnKey: [] }, given: isFields(given) ? given : {} }
    })
  }
  return listOf(name, value).map((entry, index) => {
    const place = `${name}, entry ${index}`
    const given: Fields = isFields(entry) ? entry : layout === "by array" ? { seed: entry } : { entropy: entry }
    const field = layout === "by array" ? "seed" : "entropy"
    const own = given[field]
    const words = Array.isArray(own) ? own : [own]
    const entropy = words.map((word: unknown) => wholeOf(`${place}, ${field}`, word))
    const key = given["spawn_key"] === undefined ? [] : listOf(`${place}, spawn_key`, given["spawn_key"])
    return {
      place,
      start: { entropy, spawnKey: key.map((word) => Number(wholeOf(`${place}, spawn_key`, word))) },
      given
    }
  })
}

/** Runs what may refuse a value, and says in which file and at which place it did. */
const at = <A>(place: string, run: () => A): Effect.Effect<A, Usage> =>
  Effect.try({
    try: run,
    catch: (error) => new Usage({ message: `${place}: ${error instanceof Error ? error.message : String(error)}` })
  })

/** How a section came out. */
export interface Outcome {
  readonly section: string
  readonly what: string
  readonly passed: number
  readonly failed: number
  /** The first value that differs. */
  readonly first: string | undefined
}

/** Draws again what a file holds, and compares. */
export const verify = (file: File): Effect.Effect<ReadonlyArray<Outcome>, Usage> =>
  Effect.gen(function* () {
    const outcomes: Array<Outcome> = []
    for (const [name, value] of Object.entries(file.content)) {
      const section = sections[name]
      if (name === "cases") outcomes.push(...(yield* verifyCases(file.name, value)))
      else if (section !== undefined) outcomes.push(yield* verifySection(file.name, name, section, value))
    }
    return outcomes
  })

const verifySection = (file: string, name: string, section: Section, value: unknown) =>
  Effect.gen(function* () {
    const entries = yield* at(file, () => entriesOf(name, section, value))
    let passed = 0
    let failed = 0
    let first: string | undefined
    for (const { given, place, start } of entries) {
      for (const [key, reference] of Object.entries(given)) {
        if (["seed", "entropy", "spawn_key"].includes(key)) continue
        const own = section.keys[key]
        if (own === undefined) {
          const known = Object.keys(section.keys).join(", ")
          return yield* new Usage({ message: `${file}: ${place}: "${key}" is not one of ${known}` })
        }
        const drawn = yield* at(`${file}: ${place}`, () => own.draw(start))
        const difference = differs(reference, drawn, own.tolerance)
        if (difference === undefined) passed++
        else {
          failed++
          first ??= `${place}, ${key}${difference}`
        }
      }
    }
    if (passed + failed === 0) return yield* nothing(file, name)
    return { section: name, what: `${entries.length} seeds`, passed, failed, first }
  })

const nothing = (file: string, name: string) =>
  new Usage({ message: `${file}: ${name} has no values to compare; --emit ${file} draws them` })

const casesOf = (file: string, value: unknown): Effect.Effect<ReadonlyArray<LoaderCase>, Usage> =>
  Effect.gen(function* () {
    const list = yield* at(file, () => listOf("cases", value))
    return yield* Effect.forEach(list, (own, index) =>
      Effect.mapError(Schema.decodeUnknown(Case)(own), (error) => {
        const [issue] = formatErrorSync(error)
        const where = [`case ${index}`, ...(issue?.path ?? [])].join(", ")
        const found = issue?.path.reduce<unknown>(
          (value, key) => (isFields(value) ? value[String(key)] : undefined),
          own
        )
        const reason = (issue?.message ?? error.message).replaceAll(/\s+/g, " ")
        return new Usage({ message: `${file}: ${where}: ${Json.format(found) ?? "nothing"}: ${reason}` })
      })
    )
  })

const made = (file: string, index: number, own: LoaderCase): Effect.Effect<ReadonlyArray<Row>, Usage> =>
  rows(own).pipe(
    Effect.catchAllDefect((defect) => Effect.fail(defect instanceof Error ? defect : new Error(String(defect)))),
    Effect.mapError(({ message }) => new Usage({ message: `${file}: case ${index}: ${message.split("\n")[0]}` }))
  )

const verifyCases = (file: string, value: unknown) =>
  Effect.gen(function* () {
    const cases = yield* casesOf(file, value)
    const outcomes = new Map<string, { cases: number; passed: number; failed: number; first: string | undefined }>()
    for (const [index, own] of cases.entries()) {
      // `casesOf` found an object there.
      const reference = (listOf("cases", value)[index] as Fields)["rows"]
      if (reference === undefined) return yield* nothing(file, `case ${index}`)
      const expected = yield* at(file, () => listOf(`case ${index}, rows`, reference))
      const drawn = yield* made(file, index, own)
      const outcome = outcomes.get(own.policy) ?? { cases: 0, passed: 0, failed: 0, first: undefined }
      outcomes.set(own.policy, outcome)
      outcome.cases++
      for (let row = 0; row < Math.max(expected.length, drawn.length); row++) {
        const difference = differs(expected[row], drawn[row], 0)
        if (difference === undefined) outcome.passed++
        else {
          outcome.failed++
          outcome.first ??= `case ${index}, row ${row}${difference}`
        }
      }
    }
    return Array.from(outcomes, ([policy, { cases, failed, first, passed }]): Outcome => {
      return { section: `loader, ${policy}`, what: `${cases} runs`, passed, failed, first }
    })
  })

/** Where a drawn value first differs from the reference, and how; nothing where it does not. */
const differs = (reference: unknown, drawn: unknown, tolerance: number): string | undefined => {
  if (Array.isArray(reference) && Array.isArray(drawn)) {
    if (reference.length !== drawn.length) return `: ${reference.length} values, drawn ${drawn.length}`
    for (const [index, value] of reference.entries()) {
      const difference = differs(value, drawn[index], tolerance)
      if (difference !== undefined) return `[${index}]${difference}`
    }
    return undefined
  }
  if (isFields(reference) && isFields(drawn)) {
    for (const key of new Set([...Object.keys(reference), ...Object.keys(drawn)])) {
      const difference = differs(reference[key], drawn[key], tolerance)
      if (difference !== undefined) return `.${key}${difference}`
    }
    return undefined
  }
  const same =
    typeof reference === "number" && typeof drawn === "number"
      ? reference === drawn || Math.abs(reference - drawn) <= tolerance * Math.abs(reference)
      : reference === drawn
  return same ? undefined : `: ${Json.format(reference) ?? "nothing"}, drawn ${Json.format(drawn) ?? "nothing"}`
}

/** A file with all that it leaves open drawn by Furrow. */
export const emit = (file: File): Effect.Effect<Fields, Usage> =>
  Effect.gen(function* () {
    const filled: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(file.content)) {
      const section = sections[name]
      if (name === "cases") filled[name] = yield* emitCases(file.name, value)
      else filled[name] = section === undefined ? value : yield* emitSection(file.name, name, section, value)
    }
    return filled
  })

const emitSection = (file: string, name: string, section: Section, value: unknown) =>
  Effect.gen(function* () {
    const entries = yield* at(file, () => entriesOf(name, section, value))
    const drawn = yield* Effect.forEach(entries, ({ place, start }) =>
      at(`${file}: ${place}`, () =>
        Object.fromEntries(Object.entries(section.keys).map(([key, { draw }]) => [key, draw(start)]))
      )
    )
    if (section.layout === "by seed") {
      return Object.fromEntries(entries.map(({ start }, index) => [String(start.entropy[0]), drawn[index]]))
    }
    return entries.map(({ given }, index) => ({ ...given, ...drawn[index] }))
  })

const emitCases = (file: string, value: unknown) =>
  Effect.gen(function* () {
    const cases = yield* casesOf(file, value)
    return yield* Effect.forEach(cases, (own, index) =>
      // `casesOf` found an object there.
      Effect.map(made(file, index, own), (rows) => ({ ...(listOf("cases", value)[index] as Fields), rows }))
    )
  })
