/**
 * A runner: a process that builds batches for loaders on other hosts.
 *
 * @since 0.1.0
 */
import { randomUUID } from "node:crypto"
import type { AddressInfo, Socket } from "node:net"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { duration, durationOrZero, whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { type Names, optionsOf } from "../core/Options.ts"
import { cores } from "../core/runtime.ts"
import { notMissing } from "../scheduler/backends/threads/ModuleFile.ts"
import { MAX_THREADS } from "../scheduler/backends/Workers.ts"
import { access, guarded, type Token, tokenOf } from "../service/Access.ts"
import { type Certificate, certificateOf } from "../service/Certificate.ts"
import { places } from "../service/Listening.ts"
import { type ListenError, listenAt } from "../service/Serve.ts"
import { shown, shownInvalid } from "../sources/store/Location.ts"
import * as FiberBuilders from "./FiberBuilders.ts"
import { serverOf } from "./Listening.ts"
import { type Serving, Session } from "./Session.ts"
import { TIMING } from "./Timing.ts"
import { WarmThreads } from "./WarmThreads.ts"

export { ListenError } from "../service/Serve.ts"

/** @category options @since 0.1.0 */
export interface ListenOptions {
  /**
   * The modules whose pipelines loaders may ask for, as URLs. A loader names the module by its file's name, such as
   * `digits.ts`, and which of its exports it wants; no other module is ever loaded for it.
   */
  readonly pipelines: ReadonlyArray<string | URL>
  /** Default 127.0.0.1, which this machine alone can reach. Any other needs a `token`. */
  readonly host?: string
  /** Default 0: any port that is free; the runner says which. */
  readonly port?: number
  /**
   * How many threads build the batches of each run, from 0 to 256. With 0 they are built on the thread that answers, one
   * after the other: then no batch may take longer than loaders wait for a sign of life. Default: the cores of the machine.
   */
  readonly threads?: number
  /** What loaders must show, at least 16 characters. Default: nothing, on loopback alone. */
  readonly token?: Token
  /** A certificate and its key, as PEM. Default: no encryption. */
  readonly tls?: Certificate
  /** The most loaders at once. Default 64. */
  readonly connections?: number
  /** How long a thread may take to load the module and to build the pipeline and its services. Default 2 minutes. */
  readonly loading?: Duration.DurationInput
  /**
   * How long the threads of a run are kept for the next run with the same pipeline, options, seed and code, whose first batch then
   * comes at once. The threads of at most two runs are kept; 0 keeps none. Default 1 minute.
   */
  readonly keepThreads?: Duration.DurationInput
}

const NAMES: Names<ListenOptions> = {
  pipelines: "own",
  host: true,
  port: true,
  threads: true,
  token: true,
  tls: true,
  connections: true,
  loading: true,
  keepThreads: true
}

/** A runner that listens. @category models @since 0.1.0 */
export interface Runner {
  /** Its own, for as long as the process lives. */
  readonly id: string
  readonly host: string
  readonly port: number
  /** How many batches it builds at once for a run. */
  readonly threads: number
  /** How many loaders are connected. */
  readonly loaders: Effect.Effect<number>
  /** Takes no more loaders, and waits until those that it has are gone: they leave once they have what they asked for. */
  readonly drain: Effect.Effect<void>
}

interface Checked {
  readonly modules: ReadonlyArray<string>
  readonly host: string
  readonly port: number
  readonly threads: number
  readonly connections: number
  readonly loading: Duration.Duration
  readonly keepThreads: Duration.Duration
  readonly tls: ReturnType<typeof certificateOf>
}

/** How many connections there may be beside those of loaders: they are told that the runner has as many as it takes. */
const TOLD = 16

/** Throws `InvalidOption`. */
const settings = (options: ListenOptions): Checked => {
  const {
    connections = 64,
    host = "127.0.0.1",
    keepThreads = "1 minute",
    loading = "2 minutes",
    pipelines,
    port = 0,
    threads,
    token
  } = optionsOf("Runner.listen", options, NAMES)
  guarded(host, tokenOf(token))
  if (!Array.isArray(pipelines) || pipelines.length === 0) {
    throw new InvalidOption({ option: "pipelines", value: pipelines, expected: "the URLs of at least one module" })
  }
  const modules = pipelines.map((own: string | URL) => {
    const text = String(own)
    if (URL.canParse(text)) return text
    const expected = 'a URL, such as import.meta.resolve("./digits.ts") gives'
    throw new InvalidOption({ option: "a module of pipelines", value: shownInvalid(text), expected })
  })
  const twice = modules.find((own, at) => modules.findIndex((other) => nameOf(other) === nameOf(own)) !== at)
  if (twice !== undefined) {
    const expected = "modules whose files have different names, since loaders name them so"
    throw new InvalidOption({ option: "pipelines", value: nameOf(twice), expected })
  }
  return {
    modules,
    host,
    port: whole("port", port, 0, 65_535),
    threads: whole("threads", threads ?? Math.min(cores(), MAX_THREADS), 0, MAX_THREADS),
    connections: whole("connections", connections, 1),
    loading: duration("loading", loading),
    keepThreads: durationOrZero("keepThreads", keepThreads),
    tls: certificateOf(options.tls)
  }
}

/** The file's name without its extension, which a build changes. */
const nameOf = (module: string): string => {
  const { pathname } = new URL(module, "file:///")
  return decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1)).replace(/\.\w+$/, "")
}

/**
 * Builds batches for loaders (`Workers.cluster`) for as long as the scope is open. Each loader's run is built from the
 * runner's own copy of the module, and is refused if that is not the pipeline that the loader runs.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen = (options: ListenOptions): Effect.Effect<Runner, InvalidOption | ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const { connections, host, keepThreads, loading, modules, port, threads, tls } = yield* checked(() =>
      settings(options)
    )
    for (const module of modules) {
      yield* Effect.mapError(
        notMissing(module),
        ({ reason }) => new InvalidOption({ option: "a module of pipelines", value: shown(module), expected: reason })
      )
    }
    const token = tokenOf(options.token)
    const allowed = access(token)
    const warm = yield* WarmThreads.make({ threads, loading, keep: keepThreads })
    const serving: Serving = {
      id: randomUUID(),
      threads,
      connections,
      timing: TIMING,
      builders: (start, events) => (threads === 0 ? FiberBuilders.make(start, events) : warm.builders(start, events)),
      admits: (shown) => token === undefined || allowed({ authorization: `Bearer ${String(shown)}` }) === undefined,
      moduleOf: (asked) => moduleOf(modules, asked),
      sessions: new Set(),
      isDraining: false
    }
    const runtime = yield* Effect.runtime<never>()
    const scope = yield* Effect.scope
    const accept = (socket: Socket): void => {
      const served = Session.serve(serving, socket, () => keep(socket))
      Runtime.runFork(runtime)(Effect.interruptible(served), { scope })
    }
    const server = serverOf(tls, TIMING.opening, accept)
    const keep = places(server, connections + TOLD)
    yield* Effect.acquireRelease(listenAt(server, host, port), () => Effect.sync(() => server.close()))
    const address = server.address() as AddressInfo // it listens at a port
    const drain = Effect.suspend(() => {
      serving.isDraining = true
      server.close()
      for (const session of serving.sessions) session.drain()
      const gone = Effect.repeat(Effect.sleep("20 millis"), { until: () => serving.sessions.size === 0 })
      return Effect.zipRight(
        Effect.promise(() => warm.close()),
        gone
      )
    })
    return {
      id: serving.id,
      host: address.address,
      port: address.port,
      threads: Math.max(threads, 1),
      loaders: Effect.sync(() => [...serving.sessions].filter(({ isLoader }) => isLoader).length),
      drain: Effect.asVoid(drain)
    }
  })

/** Throws an error that says what there is. */
const moduleOf = (modules: ReadonlyArray<string>, asked: string): string => {
  const name = nameOf(asked)
  const found = modules.find((own) => nameOf(own) === name)
  if (found !== undefined) return found
  throw new Error(`it has no module ${name}; it was started with ${modules.map(nameOf).join(", ")}`)
}
