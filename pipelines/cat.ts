#!/usr/bin/env bun
/**
 * Prints the samples of shards, a line each.
 *
 *     bun run pipelines/cat.ts data/*.parquet --limit 3
 *     bun run pipelines/cat.ts https://host/shard-{000..099}.tar --shuffle --window 8 --seed 1 --rank 0 --world 2 --json
 *
 * Without `--json` long texts and lists are cut short. With it a line is a sample as JSON, whole: bytes are `{"$bytes": base64}`, integers beyond 2^53 `{"$bigint": digits}`, times ISO 8601, typed arrays lists, NaN and
 * ±Infinity strings. With `--world` each sample is printed by exactly one rank.
 *
 * Exit codes: 0 done, 1 failed, 2 wrong usage.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { FailurePolicy, Pipeline, Sampler, Scheduler, SeedPolicy, Workers } from "../src/index.ts"
import { line, preview } from "./cat/Line.ts"
import { main, Usage } from "./cli/Main.ts"
import { print } from "./cli/Print.ts"
import { ranks, ranksFrom, reading, seed, whole } from "./cli/Reading.ts"
import { options as data, inputs, opened } from "./data/Inputs.ts"
import { naming, skipBad, skipping } from "./data/SkipBad.ts"
import { seedFrom } from "./train/Setting.ts"

const options = {
  ...data,
  limit: reading("limit", "n", "How many samples to print, at most (default: all)", whole(0)).pipe(Options.optional),
  shuffle: Options.boolean("shuffle").pipe(Options.withDescription("In a random order that the seed determines")),
  window: reading("window", "blocks", "Shuffle within so many blocks: each is read once", whole(1)).pipe(
    Options.optional
  ),
  seed: reading("seed", "seed", "What --shuffle goes by (default: FURROW_SEED, else 0)", seed).pipe(Options.optional),
  ...ranks,
  skipBad,
  json: Options.boolean("json").pipe(Options.withDescription("Print each sample whole, as a line of JSON"))
}

type Flags = Command.Command.ParseConfig<typeof options>

/** The samples of a batch where there are no ranks: a batch has to be filled before its first sample is printed. */
const AT_ONCE = 64

const samplerOf = ({ seed: own, shuffle, window }: Flags, world: number) =>
  Effect.gen(function* () {
    if (!shuffle && Option.isSome(window)) return yield* new Usage({ message: "--window has no use without --shuffle" })
    if (!shuffle && Option.isSome(own)) return yield* new Usage({ message: "--seed has no use without --shuffle" })
    if (!shuffle) return Sampler.sequential
    if (Option.isNone(window)) return Sampler.shuffle
    return Sampler.shuffleBlocks({ window: window.value, lanes: world })
  })

const command = Command.make("cat", { ...options, inputs }, (flags) =>
  Effect.gen(function* () {
    const root = yield* seedFrom(flags.seed)
    const { rank, world } = yield* ranksFrom(flags)
    const sampler = yield* samplerOf(flags, world)
    const { rows: dataset, unseen } = yield* opened(flags)
    const { size } = dataset
    let left = Math.min(
      Option.getOrElse(flags.limit, () => size),
      size
    )
    if (left === 0) return
    const write = flags.json ? line : preview
    const collate = (samples: ReadonlyArray<unknown>) => samples.map((sample) => write(sample))
    const pipeline = Pipeline.from(dataset).pipe(
      Pipeline.sample(sampler),
      // Of a batch for several ranks each has one sample, so that the batch's number tells what only fills up the last one.
      Pipeline.batchWith(world === 1 ? Math.min(AT_ONCE, left) : world, collate)
    )
    const bad = skipping({ samples: size })
    const batches = sampler.lanes?.(size)[rank] ?? Math.ceil((size - rank) / world)
    yield* Effect.scoped(
      Effect.gen(function* () {
        const run = yield* Scheduler.open(pipeline, { epochs: 1, uneven: world === 1 ? "error" : "pad", rank, world })
        while (left > 0) {
          const batch = yield* run.take
          if (Option.isNone(batch) || (world > 1 && batch.value.index >= batches)) return
          const lines = batch.value.size === 0 ? [] : batch.value.columns.slice(0, left)
          left -= lines.length
          for (const own of lines) print(own)
        }
      })
    ).pipe(
      Effect.provide(Workers.fibers({ workers: 1 })),
      Effect.mapError(naming),
      Effect.provide(flags.skipBad ? bad.layer : FailurePolicy.fail),
      Effect.ensuring(bad.end),
      Effect.provideServiceEffect(SeedPolicy.SeedPolicy, SeedPolicy.byName("elastic", root))
    )
    yield* unseen
  })
).pipe(Command.withDescription("Prints the samples of shards, a line each"))

if (import.meta.main) await main("cat", command)
