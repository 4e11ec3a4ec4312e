/**
 * Serves runs over HTTP: `GET /batches?seed=42&epochs=1` streams what a local run of the same pipeline would deliver.
 *
 * @since 0.1.0
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http"
import type { AddressInfo, Server as NetServer } from "node:net"
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Fiber from "effect/Fiber"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import { whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { type Names, optionsOf } from "../core/Options.ts"
import type { Batch } from "../pipeline/Batch.ts"
import type { Pipeline } from "../pipeline/Pipeline.ts"
import { isPipeline, ownPipeline } from "../pipeline/PipelineValue.ts"
import * as Workers from "../scheduler/backends/Workers.ts"
import type { SeedPolicy } from "../seeding/SeedPolicy.ts"
import { access, guarded, type Token, tokenOf } from "./Access.ts"
import { answer, type Serving } from "./Answers.ts"
import { type Certificate, certificateOf } from "./Certificate.ts"
import { bounded, serverOf } from "./Listening.ts"
import { Runs, type ServedPipeline, type Told, type WorkersOf } from "./Runs.ts"
import { WINDOW_BYTES } from "./SharedRun.ts"

/**
 * A service or a runner cannot listen on its address.
 *
 * @category errors
 * @since 0.1.0
 */
export class ListenError extends Data.TaggedError("ListenError")<{
  readonly address: string
  readonly cause: unknown
}> {
  override get message(): string {
    const reason = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `nothing can listen at ${this.address}: ${reason}`
  }
}

/** @category options @since 0.1.0 */
export interface ServeOptions<R> {
  /** The pipelines that trainers can request, by name. */
  readonly pipelines: Readonly<Record<string, Pipeline<Batch<unknown>, unknown, R>>>
  /** Default 127.0.0.1, which only this machine can reach. Any other host needs a `token`. */
  readonly host?: string
  /** Default 0: any free port; `Service.url` has it. */
  readonly port?: number
  /** The token that trainers must send, at least 16 characters. Default: none, which is allowed on loopback only. */
  readonly token?: Token
  /** A certificate and its key, as PEM. Default: no encryption. */
  readonly tls?: Certificate
  /** The number of workers of a run that does not ask for another number. Default 1. */
  readonly workers?: number
  /** Where batches are built. Default: on fibers of this process. */
  readonly workersOf?: WorkersOf
  /** The maximum number of open runs. Default 16. */
  readonly runs?: number
  /** Bytes of batches that each run keeps for trainers that follow the first one. Default 64 MiB. */
  readonly windowBytes?: number
  /** Milliseconds after which a run without readers is closed. Default 30,000. */
  readonly idle?: number
  /** The maximum number of connections. Default 256. */
  readonly connections?: number
}

const NAMES: Names<ServeOptions<unknown>> = {
  pipelines: "own",
  host: "own",
  port: "own",
  token: "own",
  tls: "own",
  workers: "own",
  workersOf: "own",
  runs: "own",
  windowBytes: "own",
  idle: "own",
  connections: "own"
}

/** How long a connection that asks for nothing counts among `connections`. */
const OPENING_MS = 10_000

/** A running service. @category models @since 0.1.0 */
export interface Service {
  /** The address for trainers, such as `http://127.0.0.1:7717`. */
  readonly url: string
  /** The runs that are open. */
  readonly runs: Effect.Effect<ReadonlyArray<Told>>
  /**
   * Accepts no more trainers, and waits until the present ones are done, also those whose run is still opening; closing the scope
   * does not wait for them.
   */
  readonly drain: Effect.Effect<void>
}

interface Checked {
  readonly pipelines: ReadonlyMap<string, ServedPipeline>
  readonly host: string
  readonly token: Redacted.Redacted | undefined
  readonly tls: ReturnType<typeof certificateOf>
  readonly port: number
  readonly workers: number
  readonly limits: { readonly runs: number; readonly windowBytes: number; readonly idle: number }
  readonly connections: number
}

const settings = (options: ServeOptions<never>): Checked => {
  optionsOf<object>("Service.serve", options, NAMES)
  const { connections = 256, host = "127.0.0.1", idle = 30_000, pipelines, port = 0, runs = 16, token } = options
  const asked = tokenOf(token)
  guarded(host, asked)
  const own = new Map<string, ServedPipeline>()
  for (const [name, pipeline] of Object.entries(pipelines ?? {})) {
    if (!isPipeline(pipeline)) {
      throw new InvalidOption({ option: `pipelines.${name}`, value: pipeline, expected: "a pipeline with batches" })
    }
    ownPipeline(`pipelines.${name}`, pipeline)
    own.set(name, pipeline)
  }
  if (own.size === 0)
    throw new InvalidOption({ option: "pipelines", value: pipelines, expected: "at least one, by name" })
  return {
    pipelines: own,
    host,
    token: asked,
    tls: certificateOf(options.tls),
    port: whole("port", port, 0, 65_535),
    workers: whole("workers", options.workers ?? 1, 1, Workers.MAX),
    limits: {
      runs: whole("runs", runs, 1),
      windowBytes: whole("windowBytes", options.windowBytes ?? WINDOW_BYTES, 0),
      idle: whole("idle", idle, 0)
    },
    connections: whole("connections", connections, 1)
  }
}

/**
 * Serves the runs of pipelines over HTTP for as long as the scope is open. `GET /batches` with a query such as
 * `pipeline=digits&seed=42&epochs=3` streams what a local run would deliver, batch for batch; `from` is a cursor to go on
 * from. Trainers that ask for equal runs share one, whose last batches are kept, so that each is built once; a trainer that falls behind
 * the kept batches gets a run of its own and delays no other. `/runs`, `/metrics` (Prometheus) and `/health` report its state.
 *
 * @category constructors
 * @since 0.1.0
 */
export const serve = <R = never>(
  options: ServeOptions<R>
): Effect.Effect<Service, InvalidOption | ListenError, Exclude<R, SeedPolicy> | Scope.Scope> =>
  Effect.gen(function* () {
    // The services that pipelines require come from the context.
    const own = yield* checked(() => settings(options as unknown as ServeOptions<never>))
    const { connections, host, limits, pipelines, port, tls, token, workers } = own
    const context: Context.Context<never> = yield* Effect.context<Exclude<R, SeedPolicy>>()
    const workersOf = options.workersOf ?? ((count: number) => Workers.fibers({ workers: count }))
    // Connections are closed first, then what answers, then the runs: a trainer whose run closed under it would be told that.
    const inOrder = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const runsScope = yield* Scope.fork(inOrder, ExecutionStrategy.sequential)
    const runs = yield* Scope.extend(Runs.make({ pipelines, workers, workersOf, context, limits }), runsScope)
    const serving: Serving = { runs, access: access(token), draining: false, sent: 0, readers: 0 }
    const runtime = yield* Effect.runtime<never>()
    const scope = yield* Scope.fork(inOrder, ExecutionStrategy.sequential)
    let isOver = false
    const listener: RequestListener = (request, response) => {
      if (isOver) return void response.destroy()
      const fiber = Runtime.runFork(runtime)(Effect.interruptible(answering(serving, request, response)), { scope })
      // Nothing more is built for a trainer that has left.
      response.once("close", () => Runtime.runFork(runtime)(Fiber.interruptFork(fiber)))
    }
    const server = serverOf(tls, OPENING_MS, listener)
    bounded(server, connections)
    const listening = Effect.acquireRelease(listenAt(server, host, port), () =>
      Effect.suspend(() => {
        isOver = true
        return close(server)
      })
    )
    yield* Scope.extend(listening, inOrder)
    const address = server.address() as AddressInfo // it listens at a port
    const shown = address.family === "IPv6" ? `[${address.address}]` : address.address
    return {
      url: `${tls === undefined ? "http" : "https"}://${shown}:${address.port}`,
      runs: Effect.sync(() => runs.told),
      drain: Effect.suspend(() => {
        serving.draining = true
        return Effect.repeat(Effect.sleep("50 millis"), { until: () => serving.readers === 0 })
      })
    }
  })

/** An unexpected error ends one request, is logged, and leaves no reader waiting: nor does an interrupt. */
const answering = (serving: Serving, request: IncomingMessage, response: ServerResponse): Effect.Effect<void> =>
  answer(serving, request, response).pipe(
    Effect.catchAllDefect((defect) => {
      response.destroy()
      return Effect.logError("a request to the service could not be answered", defect)
    }),
    // Its trainer connects again, as after any connection that breaks.
    Effect.onInterrupt(() => Effect.sync(() => response.destroy()))
  )

/** Listens on an address; fails with {@link ListenError}. @since 0.1.0 */
export const listenAt = (server: NetServer, host: string, port: number): Effect.Effect<void, ListenError> =>
  Effect.async((resume) => {
    const failed = (cause: unknown) => resume(Effect.fail(new ListenError({ address: `${host}:${port}`, cause })))
    server.once("error", failed)
    server.listen(port, host, () => {
      server.off("error", failed)
      resume(Effect.void)
    })
  })

/** Closes all connections as well. */
const close = (server: Server): Effect.Effect<void> =>
  Effect.async((resume) => {
    server.close(() => resume(Effect.void))
    server.closeAllConnections()
  })
