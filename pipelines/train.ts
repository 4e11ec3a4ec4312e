#!/usr/bin/env bun
/**
 * Trains a network on handwritten digits.
 *
 *     bun run pipelines/train.ts            deno run -A pipelines/train.ts
 *
 * Progress and summary go to stderr; with `--json` the last line of stdout is the result. Ctrl-C ends the run cleanly
 * with what was reached; a second one ends it at once. Exit codes: 0 done (or called off), 1 failed, 2 wrong usage.
 */
import { Command } from "@effect/cli"
import { FileSystem } from "@effect/platform"
import { Config, Deferred, Effect, Layer, Option } from "effect"
import { Seed, SeedAudit, SeedPolicy, Workers } from "../src/index.ts"
import { main, Usage } from "./cli/Main.ts"
import { digits, files } from "./train/Digits.ts"
import { options } from "./train/Options.ts"
import * as Progress from "./train/Progress.ts"
import { json, summary } from "./train/Summary.ts"
import type { Source } from "./train/Threaded.ts"
import { train } from "./train/Train.ts"

/** What the flag says, else what the environment says. */
const seedFrom = (flag: Option.Option<Seed.Root>) =>
  Option.match(flag, {
    onSome: Effect.succeed,
    onNone: () => Effect.flatMap(Config.string("FURROW_SEED").pipe(Config.withDefault("0")), Seed.parse)
  })

const policyFrom = (flag: Option.Option<string>, seed: Seed.Root) =>
  Effect.flatMap(
    Option.match(flag, {
      onSome: Effect.succeed,
      onNone: () => Config.string("FURROW_SEED_POLICY").pipe(Config.withDefault("epochWorker"))
    }),
    (name) => SeedPolicy.byName(name, seed)
  )

/** The files of a folder, which is to be there. */
const folder = (path: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const is = yield* Effect.option(fs.stat(path))
    if (Option.isNone(is) || is.value.type !== "Directory") {
      const off = Option.isNone(is) ? "does not exist" : "is no folder"
      const message = `--data ${JSON.stringify(path)} ${off}; give the folder with MNIST's four IDX files`
      return yield* new Usage({ message })
    }
    return yield* files(path)
  })

/** Completes at the first Ctrl-C; the second ends the process as it would have without us. */
const interrupts = Effect.acquireRelease(
  Effect.gen(function* () {
    const stop = yield* Deferred.make<void>()
    const onSignal = () => {
      process.off("SIGINT", onSignal)
      Effect.runFork(Deferred.succeed(stop, undefined))
    }
    process.on("SIGINT", onSignal)
    return { stop, onSignal }
  }),
  ({ onSignal }) => Effect.sync(() => process.off("SIGINT", onSignal))
)

const command = Command.make("train", options, (flags) =>
  Effect.gen(function* () {
    const seed = yield* seedFrom(flags.seed)
    const policy = yield* policyFrom(flags.policy, seed)
    const { stop } = yield* interrupts
    const split = (BigInt(seed.high) << 32n) | BigInt(seed.low)
    const data = yield* Option.match(flags.data, {
      onNone: () => digits(split),
      onSome: folder
    })
    const terminal = process.stderr.isTTY === true
    const progress = yield* Progress.make(terminal, (text) => process.stderr.write(text))
    const outcome = yield* train(flags, data, progress, Deferred.await(stop)).pipe(
      Effect.provide(SeedAudit.counting(Layer.succeed(SeedPolicy.SeedPolicy, policy))),
      Effect.provide(
        flags.backend === "fibers"
          ? Workers.fibers(flags.workers)
          : Workers[flags.backend](flags.workers, {
              pipeline: import.meta.resolve("./train/Threaded.ts"),
              config: {
                batchSize: flags.batchSize,
                limit: Option.getOrUndefined(flags.limit),
                split: String(split),
                data: Option.getOrUndefined(flags.data)
              } satisfies Source
            })
      )
    )
    process.stderr.write(`${summary(outcome)}\n`)
    if (flags.json) process.stdout.write(`${json(outcome)}\n`)
  }).pipe(Effect.scoped)
).pipe(Command.withDescription("Trains a network on handwritten digits, and proves that no random draw was repeated"))

if (import.meta.main) await main("train", command)
