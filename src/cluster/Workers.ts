/**
 * The workers of `furrow`, and those whose batches are built by runners on other hosts.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { duration, whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { type Names, optionsOf, textOf } from "../core/Options.ts"
import { isRecord } from "../core/Record.ts"
import type { Backend } from "../scheduler/backends/Backend.ts"
import { BackendError } from "../scheduler/backends/BackendError.ts"
import { loadedCode } from "../scheduler/backends/remote/ModuleCode.ts"
import { MAX, Workers } from "../scheduler/backends/Workers.ts"
import { type Token, tokenOf } from "../service/Access.ts"
import { type Trust, trustOf } from "../service/Certificate.ts"
import { type Compression, compressionOf } from "../service/Compression.ts"
import { NotSendable, Packing, pack } from "../service/WireValue.ts"
import { byNetwork } from "./Dial.ts"
import * as RunnerPool from "./RunnerPool.ts"
import { Runners } from "./Runners.ts"
import { TIMING } from "./Timing.ts"

export * from "../scheduler/backends/Workers.ts"

/** How runners build batches. @category options @since 0.1.0 */
export interface ClusterOptions {
  /** How many workers: a whole number from 1 to 4096. */
  readonly workers: number
  /**
   * The module that exports the pipeline: `import.meta.resolve("./digits.ts")`, or a URL. Runners have their own copy of it
   * and know it by its file's name.
   */
  readonly pipeline: string | URL
  /** The export's name: a pipeline, or a function that returns one or promises one. Default `pipeline`. */
  readonly name?: string
  /** What a function is called with, at each runner: plain data, as it is sent there, and tensors; no `Map`, `Set` or class. */
  readonly config?: unknown
  /**
   * Whether a runner must have the `"same"` source of the module, and of the files that it imports by relative paths, as this
   * process has loaded. `"any"` turns the check off, for example if one side is compiled and the other is not. Not compared are
   * packages, computed and mapped imports, and a module that is not a file here. Default `"same"`.
   */
  readonly code?: "same" | "any"
  /**
   * How often something may die, a runner or one of its threads, that is building one batch, before the run fails with the
   * batch's coordinates. From the second attempt on the batch is built alone. A connection that breaks does not count if its
   * runner answers when it is asked again. Default 3.
   */
  readonly restarts?: number
  /** How long a batch may take before whatever builds it is ended and the batch is built again. Default: no limit. */
  readonly timeout?: Duration.DurationInput
  /**
   * After how long another runner is asked for a batch that one is at, if batches usually take less than a third of that: the
   * first answer counts, and the attempt is counted as `replaced`. `false` for never. Default 2 seconds.
   */
  readonly hedge?: Duration.DurationInput | false
  /** How long a runner may be silent before it is given up: from 2 seconds on. Default 4 seconds. */
  readonly silence?: Duration.DurationInput
  /** How long a runner may take to load the module and to build the pipeline and its services. Default 2 minutes. */
  readonly loading?: Duration.DurationInput
  /** How long the run waits for a runner when there is none, before it fails. One that is loading is there. Default 30 seconds. */
  readonly wait?: Duration.DurationInput
  /** How many bytes of batches may have come and not been taken before nothing more is received. Default 256 MiB. */
  readonly prefetchBytes?: number
  /**
   * How batches come: `"none"`, as they are, or `"zstd"`, at level 1, where that makes a batch shorter. For networks that carry
   * less than about 200 MB/s. A runner whose runtime has no zstd (Node before 22.15) sends them as they are. Default `"none"`.
   */
  readonly compression?: Compression
  /** What runners ask for. */
  readonly token?: Token
  /** Connects by TLS; `ca` as PEM if the runners' certificates are your own, `servername` if they are not for the host. */
  readonly tls?: Trust
}

const NAMES: Names<ClusterOptions> = {
  workers: true,
  pipeline: true,
  name: true,
  config: true,
  code: true,
  restarts: true,
  timeout: true,
  hedge: true,
  silence: true,
  loading: true,
  wait: true,
  prefetchBytes: true,
  compression: true,
  token: true,
  tls: true
}

/** How many batches each worker builds ahead, if nothing else is said: a message costs more than a small batch. */
const PREFETCH = 16

/**
 * Workers whose batches are built by the runners of {@link Runners}, on any number of hosts. Batches are those of `fibers`,
 * to the bit, whichever runner builds them: orders come from this side, and so do seeds, unless the policy is one of
 * Furrow's own, which a runner can derive. A batch of a runner that is gone is asked for elsewhere; a run goes on for as
 * long as there is one.
 *
 * Under a policy that carries streams all batches of a worker come from one runner. If that is gone, another one builds
 * what came before again.
 *
 * Fails with `InvalidOption` if an option is invalid. The run fails with a `BackendError` if no runner is there, or if
 * whatever builds a batch dies again and again.
 *
 * @category layers
 * @since 0.1.0
 */
export const cluster = (options: ClusterOptions): Layer.Layer<Workers, InvalidOption, Runners> =>
  Layer.effect(
    Workers,
    Effect.flatMap(Runners, (runners) =>
      checked(() => {
        const own = settings(options)
        return { count: whole("workers", options.workers, 1, MAX), backend: backend({ ...own, runners }) }
      })
    )
  )

interface Settings extends Omit<RunnerPool.RunnerPoolOptions, "runners" | "code"> {
  readonly isSame: boolean
}

/** Throws `InvalidOption`. */
const isSame = (code: ClusterOptions["code"] = "same"): boolean => {
  if (code === "same" || code === "any") return code === "same"
  throw new InvalidOption({ option: "code", value: code, expected: '"same" or "any"' })
}

/** Throws `InvalidOption`. */
const settings = (given: ClusterOptions): Settings => {
  const options = optionsOf("Workers.cluster", given, NAMES)
  const { hedge = "2 seconds", pipeline, prefetchBytes = 2 ** 28, timeout, tls, token } = options
  const module = String(pipeline)
  if (!URL.canParse(module)) {
    const expected = 'a URL, such as import.meta.resolve("./digits.ts") gives'
    throw new InvalidOption({ option: "the module of the pipeline", value: module, expected })
  }
  const silence = Duration.toMillis(duration("silence", options.silence ?? "4 seconds"))
  if (silence < LEAST_SILENCE_MS) {
    throw new InvalidOption({ option: "silence", value: options.silence, expected: "at least 2 seconds" })
  }
  loadedCode(module) // close to when the app has loaded it
  return {
    module,
    isSame: isSame(options.code),
    name: textOf("name of Workers.cluster", options.name ?? "pipeline", "the name of an export"),
    config: sendable("config", options.config),
    restarts: whole("restarts", options.restarts ?? 3, 0),
    timeout: timeout === undefined ? undefined : duration("timeout", timeout),
    hedge: hedge === false ? undefined : Duration.toMillis(duration("hedge", hedge)),
    silence,
    loading: duration("loading", options.loading ?? "2 minutes"),
    wait: duration("wait", options.wait ?? "30 seconds"),
    prefetchBytes: whole("prefetchBytes", prefetchBytes, 1, 2 ** 40),
    compression: compressionOf(options.compression),
    token: tokenOf(token),
    dial: byNetwork(trustOf("Workers.cluster", tls)),
    timing: TIMING
  }
}

/** How deep the config stands in what is sent of a run, and down to where what cannot be sent is named. */
const CONFIG_DEPTH = 3
const NAMED_DEPTH = 12

/** `config` if a runner can be sent it; else the part of it that none can be sent is named by its path. */
const sendable = (path: string, value: unknown, depth = CONFIG_DEPTH): unknown => {
  try {
    pack(value, new Packing(), path, depth)
    return value
  } catch (thrown) {
    if (!(thrown instanceof NotSendable)) throw thrown
  }
  if (depth < NAMED_DEPTH && (Array.isArray(value) || isRecord(value))) {
    for (const [key, own] of Object.entries(value)) sendable(`${path}.${key}`, own, depth + 1)
  }
  const expected =
    "plain data that can be sent to a runner: numbers, texts, dates, tensors, typed arrays, or lists and records of these"
  throw new InvalidOption({ option: path, value, expected })
}

/** Signs of life come every second. */
const LEAST_SILENCE_MS = 2000

const backend = ({ isSame, ...options }: Settings & Pick<RunnerPool.RunnerPoolOptions, "runners">): Backend => ({
  name: "cluster",
  prefetch: PREFETCH,
  open: (runPlan, own) => {
    const { stream } = runPlan
    if (stream === undefined) {
      const code = isSame ? loadedCode(options.module)?.hash : undefined
      return RunnerPool.open(runPlan, own, { ...options, code })
    }
    const reason = `${stream.source.name} is a stream, which one process reads; take Workers.fibers, or serve the run (furrow/service)`
    return Effect.fail(new BackendError({ backend: "cluster", module: options.module, reason }))
  }
})
