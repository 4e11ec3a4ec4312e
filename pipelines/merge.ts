#!/usr/bin/env bun
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
/**
 * Shows that ranks which know nothing of each other make up one run: makes each rank's part of every batch by itself,
 * puts the parts together, and holds them against the run of a single rank.
 *
 *     bun run pipelines/merge.ts --world 4 --policy elastic
 *
 * Each rank's digest is the one that `train.ts --rank R --world N --no-train` prints on that rank's machine. Under an
 * elastic policy the batches are the single rank's to the bit; under others the order is, and each rank draws its own.
 * All ranks take the same number of steps; `--uneven` says what becomes of a last batch that they cannot share equally.
 *
 * Exit codes: 0 all holds, 1 it does not, 2 wrong usage.
 */
import { plural } from "../src/core/Plural.ts"
import { SeedPolicy, Workers } from "../src/index.ts"
import { Found, main } from "./cli/Main.ts"
import { print } from "./cli/Print.ts"
import { reading, uneven, whole } from "./cli/Reading.ts"
import { merged } from "./merge/Merge.ts"
import { options as trainOptions } from "./train/Options.ts"
import { dataFrom, policyFrom, seedFrom, tellSeed } from "./train/Setting.ts"

const { batchSize, data, limit, policy, seed, workers } = trainOptions

const options = {
  world: reading("world", "n", "How many ranks share each batch (default 2)", whole(1, 64)).pipe(
    Options.withDefault(2)
  ),
  epochs: reading("epochs", "n", "How many epochs (default 2)", whole(1)).pipe(Options.withDefault(2)),
  batchSize,
  uneven,
  workers,
  seed,
  policy,
  limit,
  data,
  json: Options.boolean("json").pipe(Options.withDescription("Print the result as JSON, the last line of stdout"))
}

const command = Command.make("merge", options, (flags) =>
  Effect.gen(function* () {
    const seed = yield* seedFrom(flags.seed)
    const policy = yield* policyFrom(flags.policy, seed)
    const digits = yield* dataFrom(flags.data, seed)
    yield* tellSeed(flags.seed)
    const result = yield* merged(digits.train, {
      world: flags.world,
      epochs: flags.epochs,
      batchSize: flags.batchSize,
      uneven: flags.uneven,
      limit: Option.getOrUndefined(flags.limit)
    }).pipe(
      Effect.provide(Layer.succeed(SeedPolicy.SeedPolicy, policy)),
      Effect.provide(Workers.fibers({ workers: flags.workers }))
    )
    for (const { digest, rank, samples } of result.ranks) {
      print(`rank ${rank} of ${flags.world}  ${String(samples).padStart(8)} samples  ${digest}`)
    }
    print(`together     ${String(result.samples).padStart(8)} samples  ${result.digest}`)
    print(`single rank  ${String(result.single.samples).padStart(8)} samples  ${result.single.digest}`)
    const fill = flags.uneven === "pad" ? ", and again those that fill its last batch" : ""
    const once = result.once ? `each sample once an epoch${fill}` : "A SAMPLE IS MISSING OR CAME TWICE"
    const order = result.order ? "in the order of a single rank" : "IN ANOTHER ORDER THAN A SINGLE RANK'S"
    print(`${once}, ${order}`)
    print(result.inStep ? `each rank took ${plural(result.steps, "step")}` : "RANKS TOOK DIFFERENT NUMBERS OF STEPS")
    const same = result.digest === result.single.digest
    if (policy.elastic) print(same ? "the same batches, to the bit" : "OTHER BATCHES THAN A SINGLE RANK'S")
    else print(`each rank draws its own under ${policy.name}; under elastic the batches are the same, too`)
    if (flags.json) print(JSON.stringify({ world: flags.world, policy: policy.name, seed: policy.seed, ...result }))
    if (!result.once || !result.order || !result.inStep || (policy.elastic && !same)) yield* new Found()
  }).pipe(Effect.scoped)
).pipe(Command.withDescription("Shows that ranks which know nothing of each other make up one run"))

if (import.meta.main) await main("merge", command)
