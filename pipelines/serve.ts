#!/usr/bin/env bun
/**
 * Serves the batches of pipelines to trainers elsewhere, in TypeScript or Python.
 *
 *     bun run pipelines/serve.ts ./digits.ts --listen 127.0.0.1:7717 --threads 4
 *     curl 'http://127.0.0.1:7717/batches?seed=42&epochs=1&format=ndjson'
 *
 * Every pipeline that the module exports is served under its export's name. Its services, where it has some, are the layer
 * that it exports as `services`. Only this machine can connect, unless there is a token: FURROW_TOKEN. On SIGTERM or SIGINT it
 * takes no more trainers, and ends when those that it has are done; at the second it ends at once.
 *
 * Exit codes: 0 done, 1 failed, 2 wrong usage.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { type Batch, Pipeline, Workers } from "../src/index.ts"
import { Service } from "../src/service.ts"
import { certificate, certificateFrom } from "./cli/Certificate.ts"
import { imported, urlOf } from "./cli/Imported.ts"
import { main, Usage } from "./cli/Main.ts"
import { tell } from "./cli/Print.ts"
import { address, reading, whole } from "./cli/Reading.ts"
import { signalled } from "./cli/Signals.ts"
import { tokenIn } from "./cli/Token.ts"

const LISTEN = { host: "127.0.0.1", port: 7717 }

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"])

const options = {
  listen: reading(
    "listen",
    "host:port",
    "Where trainers connect (default 127.0.0.1:7717; port 0: a free one)",
    address
  ).pipe(Options.withDefault(LISTEN)),
  workers: reading(
    "workers",
    "n",
    "Workers of a run that names no other number (default 1)",
    whole(1, Workers.MAX)
  ).pipe(Options.withDefault(1)),
  threads: reading(
    "threads",
    "n",
    "Build batches on so many threads (default: on threads where trainers wait for batches)",
    whole(1, 256)
  ).pipe(Options.optional),
  window: reading("window", "MB", "What is kept of each run for trainers that come behind (default 64)", whole(0)).pipe(
    Options.withDefault(64)
  ),
  runs: reading("runs", "n", "Runs that are open at once (default 16)", whole(1)).pipe(Options.withDefault(16)),
  ...certificate
}

const module = Args.file({ name: "module" }).pipe(Args.withDescription("The module that exports the pipelines"))

interface Loaded {
  readonly url: string
  readonly pipelines: Readonly<Record<string, Pipeline.Pipeline<Batch.Batch<unknown>, unknown, never>>>
  readonly services: Layer.Layer<never>
}

const load = (path: string): Effect.Effect<Loaded, Usage> =>
  Effect.gen(function* () {
    const exports = Object.entries(yield* imported(JSON.stringify(path), path))
    const pipelines = exports.filter(([, own]) => Predicate.hasProperty(own, Pipeline.TypeId))
    if (pipelines.length === 0) return yield* new Usage({ message: `${JSON.stringify(path)} exports no pipeline` })
    const services = exports.find(([name]) => name === "services")?.[1] ?? Layer.empty
    if (!Layer.isLayer(services)) {
      return yield* new Usage({ message: `${JSON.stringify(path)} exports \`services\` that are no layer` })
    }
    // TypeId marks pipelines and nothing else, isLayer layers. A service that is missing shows when a run is opened.
    return { url: urlOf(path), pipelines: Object.fromEntries(pipelines), services } as unknown as Loaded
  })

/** A run's threads import the pipeline under its export's name. */
const workersOf =
  (url: string, threads: Option.Option<number>): Service.WorkersOf =>
  (count, name) =>
    Option.match(threads, {
      onNone: () => Workers.auto({ workers: count, pipeline: url, name }),
      onSome: (threads) => Workers.threads({ workers: count, threads, pipeline: url, name })
    })

const command = Command.make("serve", { ...options, module }, (flags) =>
  Effect.gen(function* () {
    const own = yield* load(flags.module)
    const names = Object.keys(own.pipelines)
    const token = yield* tokenIn("FURROW_TOKEN")
    if (Option.isNone(token) && !LOOPBACK.has(flags.listen.host)) {
      const message = `--listen ${flags.listen.host} can be reached by others: set FURROW_TOKEN to a token of 16 characters or more that trainers show`
      return yield* new Usage({ message })
    }
    const tls = yield* certificateFrom(flags)
    const asked = yield* signalled
    yield* Effect.gen(function* () {
      const { drain, url } = yield* Service.serve({
        pipelines: own.pipelines,
        ...flags.listen,
        workers: flags.workers,
        runs: flags.runs,
        windowBytes: flags.window * 2 ** 20,
        ...Option.match(token, { onNone: () => ({}), onSome: (token) => ({ token }) }),
        ...tls,
        workersOf: workersOf(own.url, flags.threads)
      })
      tell(`serving ${names.join(", ")} at ${url}\n`)
      yield* asked
      tell("no more trainers are taken; waiting for those that are connected\n")
      yield* drain
    }).pipe(Effect.scoped, Effect.provide(own.services))
  })
).pipe(Command.withDescription("Serves the batches of pipelines to trainers elsewhere"))

if (import.meta.main) await main("serve", command)
