#!/usr/bin/env bun
/**
 * Builds batches for loaders on other hosts, and registers where they find it.
 *
 *     bun run pipelines/runner.ts --pipeline ./mine.ts --threads 4                deno run -A pipelines/runner.ts …
 *     bun run pipelines/runner.ts --pipeline ./mine.ts --listen 0.0.0.0:7718 --database postgres://furrow@db/furrow
 *
 * It builds what the modules named here export, and nothing else. Only this machine can connect, unless there is a token:
 * FURROW_TOKEN. The database is --database, else FURROW_DATABASE, else a file of SQLite that the processes of one machine
 * share. On SIGTERM or SIGINT it leaves the list of runners, builds what it was asked for, and ends; at the second it ends at
 * once.
 *
 * Exit codes: 0 done, 1 failed, 2 wrong usage.
 */

import { hostname } from "node:os"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import { databaseOf } from "../src/cluster/control/Database.ts"
import { Runner, Runners } from "../src/cluster.ts"
import { checked } from "../src/core/InvalidOption.ts"
import { plural } from "../src/core/Plural.ts"
import { isPipeline, ownPipeline } from "../src/pipeline/PipelineValue.ts"
import { certificate, certificateFrom } from "./cli/Certificate.ts"
import { database, databaseFrom } from "./cli/Cluster.ts"
import { imported, urlOf } from "./cli/Imported.ts"
import { main, Usage } from "./cli/Main.ts"
import { tell } from "./cli/Print.ts"
import { address, reading, whole } from "./cli/Reading.ts"
import { signalled } from "./cli/Signals.ts"
import { tokenNamed } from "./cli/Token.ts"

const LISTEN = { host: "127.0.0.1", port: 7718 }

/** How long a runner that ends waits for its loaders to go: less than the half minute that Kubernetes gives it. */
const DRAIN = "20 seconds"

const options = {
  pipeline: Options.file("pipeline").pipe(
    Options.withDescription("A module that exports pipelines that loaders may ask for; may be given several times"),
    Options.atLeast(1)
  ),
  listen: reading(
    "listen",
    "host:port",
    "Where loaders connect (default 127.0.0.1:7718; port 0: a free one)",
    address
  ).pipe(Options.withDefault(LISTEN)),
  advertise: reading(
    "advertise",
    "host:port",
    "Where loaders reach it, if elsewhere (default: --listen; this host's name where that is all addresses)",
    address
  ).pipe(Options.optional),
  threads: reading("threads", "n", "Build batches on so many threads (default 1)", whole(1, 256)).pipe(
    Options.withDefault(1)
  ),
  keepThreads: reading(
    "keep-threads",
    "ms",
    "How long the threads of a run are kept for the next run of the same pipeline and seed (default 60000; 0: not at all)",
    whole(0, 86_400_000)
  ).pipe(Options.withDefault(60_000)),
  database,
  heartbeat: reading(
    "heartbeat",
    "ms",
    "How often it says that it is there; after three times as long without, it is gone (default 1000)",
    whole(100, 3_600_000)
  ).pipe(Options.withDefault(1000)),
  tokenEnv: Options.text("token-env").pipe(
    Options.withPseudoName("name"),
    Options.withDescription(
      "The environment variable with the token that loaders must show; it must be set (default FURROW_TOKEN, if set)"
    ),
    Options.optional
  ),
  ...certificate
}

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"])
const EVERYWHERE: ReadonlySet<string> = new Set(["0.0.0.0", "::"])

const command = Command.make("runner", options, (flags) =>
  Effect.gen(function* () {
    for (const path of flags.pipeline) {
      const named = `--pipeline ${JSON.stringify(path)}`
      const exports = yield* imported(named, path)
      // What a function gives is known once a loader has sent its config.
      if (!Object.values(exports).some((own) => isPipeline(own) || Predicate.isFunction(own))) {
        return yield* new Usage({ message: `${named} exports no pipeline, nor a function that returns one` })
      }
      // Loaders would be told as much, one after the other.
      yield* checked(() => {
        for (const [name, own] of Object.entries(exports)) if (isPipeline(own)) ownPipeline(`${path}: ${name}`, own)
      })
    }
    const token = yield* tokenNamed(flags.tokenEnv)
    if (Option.isNone(token) && !LOOPBACK.has(flags.listen.host)) {
      const message = `--listen ${flags.listen.host} can be reached by others: set FURROW_TOKEN to a token of 16 characters or more that loaders show`
      return yield* new Usage({ message })
    }
    const tls = yield* certificateFrom(flags)
    const url = yield* databaseFrom(flags.database)
    const asked = yield* signalled
    const runner = yield* Runner.listen({
      ...flags.listen,
      threads: flags.threads,
      keepThreads: flags.keepThreads,
      pipelines: flags.pipeline.map(urlOf),
      ...Option.match(token, { onNone: () => ({}), onSome: (token) => ({ token }) }),
      ...tls
    })
    const at = Option.getOrElse(flags.advertise, () => ({
      host: EVERYWHERE.has(flags.listen.host) ? hostname() : flags.listen.host,
      port: runner.port
    }))
    const listed = yield* Scope.make()
    yield* Effect.addFinalizer((exit) => Scope.close(listed, exit))
    const registration = Runners.register(runner, {
      database: url,
      ...at,
      heartbeat: Duration.millis(flags.heartbeat)
    }).pipe(Scope.extend(listed), Effect.as("registered" as const))
    const first = yield* Effect.raceFirst(registration, Effect.as(asked, "asked" as const))
    if (first === "registered") {
      const where = `registered in ${databaseOf(url).shown}`
      tell(`building for loaders at ${at.host}:${at.port}, with ${plural(flags.threads, "thread")}, ${where}\n`)
      yield* asked
    }
    tell("out of the list of runners; building what was asked for\n")
    yield* Scope.close(listed, Exit.void)
    if (Option.isNone(yield* Effect.timeoutOption(Effect.disconnect(runner.drain), DRAIN))) {
      tell("loaders that have not gone by now find other runners\n")
    }
  }).pipe(Effect.scoped)
).pipe(Command.withDescription("Builds batches for loaders on other hosts"))

if (import.meta.main) {
  await main("runner", command)
  // What @effect/cluster still tells a database that is silent goes on for as long as that, and keeps the process.
  process.exit()
}
