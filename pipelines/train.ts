#!/usr/bin/env bun
/**
 * Trains a network on handwritten digits.
 *
 *     bun run pipelines/train.ts            deno run -A pipelines/train.ts
 *
 * Progress and summary go to stderr; with `--json` the last line of stdout is the result. Ctrl-C and SIGTERM end the run
 * cleanly with what was reached, or without a result if it has not begun; a second one ends it at once. With
 * `--checkpoint <folder>` the same command goes on from there, or from where the run was killed. Exit codes: 0 done (or
 * called off), 1 failed, 2 wrong usage.
 */
import * as Command from "@effect/cli/Command"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Checkpoint, SeedAudit, SeedPolicy } from "../src/index.ts"
import { main, Usage } from "./cli/Main.ts"
import { print, tell as write } from "./cli/Print.ts"
import { ranksFrom } from "./cli/Reading.ts"
import { failed, workersFrom } from "./train/Backend.ts"
import { options } from "./train/Options.ts"
import * as Progress from "./train/Progress.ts"
import type { Every } from "./train/Saving.ts"
import { dataFrom, policyFrom, seedFrom, splitOf, tellSeed } from "./train/Setting.ts"
import { json, summary } from "./train/Summary.ts"
import { train } from "./train/Train.ts"

const SIGNALS = ["SIGINT", "SIGTERM"] as const

/** Whether a Ctrl-C or a SIGTERM came; the second ends the process as it would have without us. */
const interrupts = Effect.acquireRelease(
  Effect.sync(() => {
    let came = false
    const comes = Deferred.unsafeMake<void>(FiberId.none)
    const off = () => {
      for (const signal of SIGNALS) process.off(signal, onSignal)
    }
    const onSignal = () => {
      off()
      came = true
      Deferred.unsafeDone(comes, Effect.void)
    }
    for (const signal of SIGNALS) process.on(signal, onSignal)
    return { came: () => came, comes: Deferred.await(comes), off }
  }),
  ({ off }) => Effect.sync(off)
)

const tell = (line: string) => Effect.sync(() => write(`${line}\n`))

/** How often a checkpoint is written where nothing is said of it. Ranks must write theirs at the same steps. */
const everyOf = ({ world }: Ranks): Every => (world === 1 ? { milliseconds: 30_000 } : { batches: 100 })

interface Ranks {
  readonly rank: number
  readonly world: number
}

/** Where checkpoints are kept, if they are. */
const keepingFrom = (
  directory: Option.Option<string>,
  every: Option.Option<Every>,
  data: Option.Option<string>,
  ranks: Ranks
) =>
  Effect.gen(function* () {
    if (ranks.world > 1 && Option.isSome(every) && "milliseconds" in every.value) {
      const message =
        "--every takes a number of batches where there are several ranks: by time each would write at a step of its own, " +
        "and no step would be there of all"
      return yield* new Usage({ message })
    }
    if (Option.isNone(directory)) {
      if (Option.isNone(every)) return undefined
      return yield* new Usage({
        message: "--every says how often a checkpoint is written; --checkpoint must say where"
      })
    }
    const path = yield* Path.Path
    const context = yield* Layer.build(Checkpoint.file({ directory: directory.value, ...ranks }))
    return {
      checkpoint: Context.get(context, Checkpoint.Checkpoint),
      every: Option.getOrElse(every, () => everyOf(ranks)),
      data: Option.match(data, { onNone: () => "the packaged digits", onSome: (folder) => path.resolve(folder) }),
      tell
    }
  })

const command = Command.make("train", options, (flags) =>
  Effect.gen(function* () {
    const seed = yield* seedFrom(flags.seed)
    const policy = yield* policyFrom(flags.policy, seed)
    const ranks = yield* ranksFrom(flags)
    if (ranks.world > 1 && !flags.noTrain) {
      const message = `rank ${ranks.rank} of ${ranks.world} can load but not train here, as gradients are not shared: add --no-train`
      return yield* new Usage({ message })
    }
    const stop = yield* interrupts
    const keeping = yield* keepingFrom(flags.checkpoint, flags.every, flags.data, ranks)
    const data = yield* dataFrom(flags.data, seed)
    yield* tellSeed(flags.seed)
    const terminal = process.stderr.isTTY === true
    const progress = yield* Progress.make(terminal, write)
    const outcome = yield* train({ ...flags, ranks }, data, progress, stop, keeping).pipe(
      Effect.catchTag("BackendError", failed),
      Effect.catchTag("OtherOptions", ({ message }) => new Usage({ message: `--checkpoint ${message}` })),
      Effect.provide(SeedAudit.counting(Layer.succeed(SeedPolicy.SeedPolicy, policy))),
      Effect.provide(workersFrom(flags, data, String(splitOf(seed))))
    )
    yield* tell(summary(outcome))
    if (outcome.interrupted && outcome.checkpoint !== undefined) {
      yield* tell(`The same command goes on from ${outcome.checkpoint}.`)
    }
    if (flags.json) print(json(outcome))
  }).pipe(
    Effect.scoped,
    Effect.catchTag("NotBegun", ({ message }) => tell(message))
  )
).pipe(Command.withDescription("Trains a network on handwritten digits, and proves that no random draw was repeated"))

if (import.meta.main) await main("train", command)
