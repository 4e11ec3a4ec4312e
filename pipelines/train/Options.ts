/**
 * The options of the training.
 */
import * as Options from "@effect/cli/Options"
import { SeedPolicy } from "../../src/index.ts"
import { database, runners } from "../cli/Cluster.ts"
import { oneOf, policy, ranks, reading, seed, uneven, whole, workers } from "../cli/Reading.ts"
import { every } from "./Saving.ts"

/** All options of the command line. */
export const options = {
  epochs: reading("epochs", "n", "How often to go through the digits (default 25)", whole(1)).pipe(
    Options.withDefault(25)
  ),
  batchSize: reading("batch-size", "n", "Digits a batch (default 128)", whole(1)).pipe(Options.withDefault(128)),
  workers,
  ...ranks,
  uneven,
  backend: reading(
    "backend",
    "fibers|threads|auto|cluster",
    "What builds batches (default auto: threads if the model waits); cluster: runners, see pipelines/runner.ts",
    (text) => oneOf(["fibers", "threads", "auto", "cluster"] as const)(text)
  ).pipe(Options.withDefault("auto" as const)),
  runners,
  database,
  wait: reading(
    "wait",
    "seconds",
    "How long a run of --backend cluster waits for a runner before it fails (default 30)",
    whole(1, 86_400)
  ).pipe(Options.withDefault(30)),
  seed: reading(
    "seed",
    "seed",
    "The run's seed: digits are a number, all else is a name (default: FURROW_SEED, else 0)",
    seed
  ).pipe(Options.optional),
  policy: reading(
    "policy",
    "name",
    `The seed policy: ${SeedPolicy.names.join(" or ")} (default: FURROW_SEED_POLICY, else epochWorker)`,
    policy
  ).pipe(Options.optional),
  order: reading("order", "plan|ready", "Batches in the plan's order, or as they are ready (default plan)", (text) =>
    oneOf(["plan", "ready"] as const)(text)
  ).pipe(Options.withDefault("plan" as const)),
  prefetch: reading("prefetch", "n", "Batches each worker makes ahead (default: 2 on fibers, else 8)", whole(1)).pipe(
    Options.optional
  ),
  limit: reading("limit", "n", "Samples an epoch, at most (default: all)", whole(1)).pipe(Options.optional),
  data: Options.text("data").pipe(
    Options.withPseudoName("folder"),
    Options.withDescription("A folder with the four IDX files of MNIST or Fashion-MNIST (default: packaged digits)"),
    Options.optional
  ),
  checkpoint: Options.text("checkpoint").pipe(
    Options.withPseudoName("folder"),
    Options.withDescription("Keep checkpoints in this folder, and go on from the newest one that is there"),
    Options.optional
  ),
  every: reading(
    "every",
    "n|time",
    "Write one every so many batches, or after 30s, 5m, 1h (default 30s; 100 batches with several ranks)",
    every
  ).pipe(Options.optional),
  noTrain: Options.boolean("no-train").pipe(Options.withDescription("Load and digest only, train no model")),
  profile: Options.boolean("profile").pipe(
    Options.withDescription("Say what each stage took, how full the queues were, and who holds the run back")
  ),
  verify: reading(
    "verify",
    "n",
    "At the end make so many batches of the run again, chosen at random, and fail if one comes out otherwise",
    whole(1)
  ).pipe(Options.optional),
  json: Options.boolean("json").pipe(Options.withDescription("Print the result as JSON, the last line of stdout"))
}
