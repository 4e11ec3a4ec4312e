#!/usr/bin/env bun
/**
 * Writes samples of shards to other shards, which can be sought: of another format, filtered, changed, without duplicates,
 * shuffled.
 *
 *     bun run pipelines/prepare.ts reviews.jsonl.gz --to data/reviews --rows 100000
 *     bun run pipelines/prepare.ts 'raw/*.jsonl' --to data/train --format parquet --dedup --shuffle --seed 1 --rows 50000
 *     bun run pipelines/prepare.ts raw/ --to data/short --module short.ts
 *
 * Each row is written exactly once. Killed, or called off by Ctrl-C, and started again with the same flags, it goes on where it was, and the shards are
 * what they would have been; `manifest.json` is there when all of them are. `--module` names a module that exports `filter`
 * (a row to true or false), `map` (a row to a row), or both, in this order.
 *
 * Exit codes: 0 done, 1 failed, 2 wrong usage.
 */

import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { plural } from "../src/core/Plural.ts"
import { Dataset, FailurePolicy, Format, Pipeline, Sampler, SeedPolicy, Sink, Workers } from "../src/index.ts"
import { apart } from "../src/sinks/Overlap.ts"
import { main, Usage } from "./cli/Main.ts"
import { print, tell } from "./cli/Print.ts"
import { reading, seed, whole, workers } from "./cli/Reading.ts"
import { signalled } from "./cli/Signals.ts"
import { chosen } from "./data/Chosen.ts"
import { cellOptions, options as data, formatFrom, formatOption, inputs, opened } from "./data/Inputs.ts"
import { naming, noneLeft, skipBad, skippedOf, skipping } from "./data/SkipBad.ts"
import { firsts, LEFT_OUT } from "./prepare/Dedup.ts"
import { load, type Module, writtenBy } from "./prepare/Module.ts"
import { options as outputs, sinkFrom } from "./prepare/Outputs.ts"
import { seedFrom } from "./train/Setting.ts"

const text =
  (what: string) =>
  (own: string): Either.Either<string, string> =>
    own === "" ? Either.left(`is ${what}`) : Either.right(own)

const options = {
  ...outputs,
  from: formatOption("from"),
  columns: data.columns,
  ...cellOptions,
  module: reading(
    "module",
    "file",
    "A module that exports filter, map or both; with other code, also in files that it imports, a run is not continued",
    text("no file")
  ).pipe(Options.optional),
  dedup: Options.boolean("dedup").pipe(
    Options.withDescription("Leave out rows that are equal to one before, as --module makes them")
  ),
  dedupBy: reading(
    "dedup-by",
    "field",
    "Leave out rows whose field is that of one before, as --module makes them",
    text("no field")
  ).pipe(Options.optional),
  shuffle: Options.boolean("shuffle").pipe(Options.withDescription("In a random order that the seed determines")),
  window: reading("window", "blocks", "Shuffle within so many blocks: each is read once", whole(1)).pipe(
    Options.optional
  ),
  seed: reading("seed", "seed", "What --shuffle goes by (default: FURROW_SEED, else 0)", seed).pipe(Options.optional),
  workers,
  skipBad,
  json: Options.boolean("json").pipe(Options.withDescription("Print what was written as a line of JSON"))
}

type Flags = Command.Command.ParseConfig<typeof options> & { readonly inputs: ReadonlyArray<string> }

/** How often progress is told, in ms. */
const BEAT = process.stderr.isTTY === true ? 200 : 10_000

/** Tells how far something is, now and then. */
const beating = () => {
  let last = performance.now()
  return (line: () => string): void => {
    const now = performance.now()
    if (now - last < BEAT) return
    last = now
    tell(process.stderr.isTTY === true ? `\r${line()}\u001b[K` : `${line()}\n`)
  }
}

const samplerOf = ({ seed: own, shuffle, window }: Flags) =>
  Effect.gen(function* () {
    if (!shuffle && Option.isSome(window)) return yield* new Usage({ message: "--window has no use without --shuffle" })
    if (!shuffle && Option.isSome(own)) return yield* new Usage({ message: "--seed has no use without --shuffle" })
    if (!shuffle) return Sampler.sequential
    return Option.isNone(window) ? Sampler.shuffle : Sampler.shuffleBlocks({ window: window.value })
  })

/** Refuses a number of shards where it is not known how many rows there will be, before anything is read. */
const countable = ({ dedup, dedupBy, shards }: Flags, module: Option.Option<Module>) => {
  if (Option.isNone(shards)) return Effect.void
  const dedups = dedup ? "--dedup" : Option.isSome(dedupBy) ? "--dedup-by" : undefined
  const changes = dedups ?? (Option.getOrUndefined(module)?.filter === undefined ? undefined : "the filter of --module")
  if (changes === undefined) return Effect.void
  return new Usage({ message: `--shards needs the number of rows, which ${changes} changes: give --rows or --bytes` })
}

/** The stages of a user's module. */
const through = <A, E, R>(pipeline: Pipeline.Pipeline<A, E, R>, module: Option.Option<Module>) => {
  if (Option.isNone(module)) return pipeline
  const { filter, hash, map } = module.value
  const parameters = { module: hash }
  const some = filter === undefined ? pipeline : Pipeline.filter(pipeline, "module filter", filter, { parameters })
  return map === undefined ? some : Pipeline.map(some, "module map", map, { parameters })
}

/** The rows of shards that can be sought. */
const sought = (
  flags: Flags,
  dataset: Dataset.Dataset<unknown, Format.ShardError | unknown>,
  module: Option.Option<Module>
) =>
  Effect.gen(function* () {
    const sampler = yield* samplerOf(flags)
    const field = Option.getOrUndefined(flags.dedupBy)
    if (!flags.dedup && field === undefined) return Pipeline.from(dataset).pipe(Pipeline.sample(sampler))
    const tick = beating()
    // Those that the module leaves out are compared with none, so what is written has each row that it keeps once.
    const { compared, duplicates, failed, hash, isKept, keyless, unread } = yield* firsts(
      dataset,
      field,
      (rows) => tick(() => `looking for duplicates: ${rows} of ${dataset.size} rows`),
      {
        skipBad: flags.skipBad,
        written: Option.match(module, { onNone: () => undefined, onSome: (own) => writtenBy<unknown>(own, LEFT_OUT) })
      }
    )
    if (keyless > 0 && keyless === compared) {
      return yield* new Usage({ message: `--dedup-by: no row has a field ${JSON.stringify(field)}` })
    }
    const without = keyless === 0 ? "" : `; ${keyless} have no field ${JSON.stringify(field)}, and are kept`
    const uncompared = failed === 0 ? "" : `; ${failed} were not compared, since the module threw`
    const bad = unread === 0 ? "" : `; ${unread} cannot be read`
    tell(`${duplicates} of ${compared} rows are duplicates${without}${uncompared}${bad}\n`)
    const parameters = { kept: hash }
    return Pipeline.from(
      Dataset.map(dataset, (row, index) => ({ row, isKept: isKept(index) }), { name: dataset.name, parameters })
    ).pipe(
      Pipeline.sample(sampler),
      Pipeline.filter("first", (own) => own.isKept, { parameters }),
      Pipeline.map("row", ({ row }) => row, { parameters: {} })
    )
  })

/** The rows of compressed lines or cells that can only be read from the start. */
const streamed = (flags: Flags, format: Format.Format<unknown>, error: Format.ShardError) =>
  Effect.gen(function* () {
    if (format.inOrder === undefined) return yield* Effect.fail(error)
    if (flags.shuffle || flags.dedup || Option.isSome(flags.dedupBy)) {
      const way = "prepare it without --shuffle and --dedup first, and then the result with them"
      return yield* new Usage({ message: `${error.shard} is one large member, which is read in order alone: ${way}` })
    }
    tell(`${error.shard} is one large member: read in order\n`)
    const all = Pipeline.from(yield* Dataset.openStream(flags.inputs, { format, atOnce: 1 }))
    const columns = Option.getOrUndefined(flags.columns)
    if (columns === undefined) return all
    return Pipeline.map(all, "columns", (row) => chosen(columns, row), { parameters: { columns } })
  })

const isLarge = (error: unknown): error is Format.ShardError =>
  error instanceof Format.ShardError && error.limit === "memberBytes"

class CalledOff extends Data.TaggedError("CalledOff")<{ readonly message: string }> {}

/** Calls a run off upon Ctrl-C or SIGTERM. What it has finished stays, as if it had been killed. */
const untilCalledOff = <A, E, R>(
  run: (finished: (shards: number) => void) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | CalledOff, R> =>
  Effect.flatMap(signalled, (called) => {
    let shards = 0
    const off = Effect.suspend(() => {
      if (process.stderr.isTTY === true) tell("\r\u001b[K")
      const reached = shards === 0 ? "" : ` with ${plural(shards, "shard")} finished`
      return new CalledOff({ message: `called off${reached}; the same command goes on from there` })
    })
    return Effect.raceFirst(
      run((own) => {
        shards = own
      }),
      Effect.zipRight(called, off)
    )
  })

const command = Command.make("prepare", { ...options, inputs }, (flags: Flags) =>
  untilCalledOff((finished) => prepare(flags, finished))
).pipe(Command.withDescription("Writes samples of shards to other shards, which can be sought"))

const prepare = (flags: Flags, finished: (shards: number) => void) =>
  Effect.gen(function* () {
    const root = yield* seedFrom(flags.seed)
    const { columns, delimiter, header, types } = flags
    const read = { inputs: flags.inputs, format: flags.from, columns, types, delimiter, header }
    const { make, name } = yield* formatFrom(read)
    const sink = yield* sinkFrom(flags, name)
    // Before anything is read: to look for duplicates takes a pass.
    yield* apart(flags.inputs, sink)
    const module = yield* Effect.transposeOption(Option.map(flags.module, load))
    yield* countable(flags, module)
    const dataset = yield* Effect.either(opened(read))
    if (Either.isRight(dataset) && dataset.right.rows.size === 0) {
      return yield* new Usage({ message: `there are no rows in ${flags.inputs.join(", ")}` })
    }
    const large = Either.isLeft(dataset) && isLarge(dataset.left) ? dataset.left : undefined
    const rows =
      large === undefined
        ? yield* Effect.mapError(sought(flags, (yield* dataset).rows, module), naming)
        : yield* streamed(flags, make(undefined), large)
    const tick = beating()
    const started = performance.now()
    const onProgress = (own: Sink.WriteProgress): void => {
      finished(own.shards)
      tick(() => `${plural(own.shards, "shard")}, ${plural(own.rows, "row")}, ${plural(own.bytes, "byte")}`)
    }
    // How many rows a share would be of is not known of what is read in order.
    const budget = large === undefined ? { share: 1 } : { samples: Number.MAX_SAFE_INTEGER }
    const bad = skipping(budget)
    const manifest = yield* Sink.run(through(rows, module), sink, { onProgress }).pipe(
      Effect.provide(Workers.fibers({ workers: flags.workers })),
      Effect.mapError(naming),
      Effect.provide(flags.skipBad ? bad.layer : FailurePolicy.fail),
      Effect.ensuring(bad.end),
      Effect.provideServiceEffect(SeedPolicy.SeedPolicy, SeedPolicy.byName("elastic", root))
    )
    if (process.stderr.isTTY === true) tell("\r\u001b[K")
    if (Either.isRight(dataset)) yield* dataset.right.unseen
    const { bytes, content, shards } = manifest
    const skipped = skippedOf(manifest)
    // That is the fault of the module or the options, not of the rows.
    if (manifest.rows === 0 && skipped > 0) return yield* noneLeft(skipped)
    const seconds = (performance.now() - started) / 1000
    const summary = {
      to: flags.to,
      shards: shards.length,
      rows: manifest.rows,
      bytes,
      content,
      skipped
    }
    if (flags.json) return print(JSON.stringify({ ...summary, seconds: Number(seconds.toFixed(3)) }))
    print(
      `wrote ${plural(summary.rows, "row")}, ${plural(bytes, "byte")}, to ${plural(summary.shards, "shard")} in ${flags.to}${skipped === 0 ? "" : `; left out ${plural(skipped, "sample")} that cannot be read`}`
    )
  })

if (import.meta.main) await main("prepare", command)
