/**
 * A backend of processes: each is a child of this one, on the same runtime, and all goes as bytes over pipes.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { runtime } from "../../../src/core/runtime.ts"
import { Workers } from "../../../src/index.ts"
import type { Backend } from "../../../src/scheduler/backends/Backend.ts"
import { decodeBatch } from "../../../src/scheduler/backends/remote/BatchCodec.ts"
import {
  type Member,
  type MemberEvents,
  type NotStarted,
  now,
  type Outcome
} from "../../../src/scheduler/backends/remote/Member.ts"
import { memberStart } from "../../../src/scheduler/backends/remote/MemberStart.ts"
import * as Pool from "../../../src/scheduler/backends/remote/Pool.ts"
import type { FromMember, MemberStart, Reply, ToMember } from "../../../src/scheduler/backends/remote/Protocol.ts"
import { frame, reader } from "./frames.ts"

export interface ProcessOptions {
  readonly workers: number
  readonly processes: number
  /** The module of the pipeline, and its export. */
  readonly module: string
  readonly name: string
  readonly config?: unknown
  readonly restarts?: number
  readonly timeout?: Duration.Duration
  /** Is told of each process that is started. */
  readonly started?: (pid: number) => void
}

const program = fileURLToPath(new URL("./program.ts", import.meta.url))

/** A reply as the pool takes it. */
const outcomeOf = (reply: Reply): Outcome => {
  if (reply._tag === "Failed") return reply
  const { draws, hash, observed, retried, times } = reply
  return {
    _tag: "Built",
    observed,
    draws,
    retried,
    times,
    content: () => ({ batch: decodeBatch(reply), hash }),
    discard: () => undefined
  }
}

class Process implements Member {
  readonly stage = undefined
  readonly #start: MemberStart
  readonly #events: MemberEvents
  readonly #started: ((pid: number) => void) | undefined
  readonly #sent: Array<number> = []
  #since = 0
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #resume: ((ready: NotStarted | undefined) => void) | undefined
  #isEnding = false

  constructor(start: MemberStart, events: MemberEvents, started: ((pid: number) => void) | undefined) {
    this.#start = start
    this.#events = events
    this.#started = started
  }

  readonly start: Effect.Effect<void, NotStarted> = Effect.async((resume) => {
    this.#resume = (failed) => {
      this.#resume = undefined
      resume(failed === undefined ? Effect.void : Effect.fail(failed))
    }
    const args = runtime.name === "deno" ? ["run", "-A", "--no-check"] : ["run"]
    const child = spawn(process.execPath, [...args, program], { stdio: ["pipe", "pipe", "inherit"] })
    this.#child = child
    if (child.pid !== undefined) this.#started?.(child.pid)
    child.stdout.on(
      "data",
      reader((message) => this.#said(message as FromMember)) // our own program says nothing else
    )
    child.stdin.on("error", () => undefined) // its end tells more
    this.#exited = new Promise((exited) => {
      child.on("exit", (code, signal) => {
        exited()
        const reason = `it ended with ${signal ?? `exit code ${code}`}`
        if (this.#resume !== undefined) this.#resume({ reason, died: true })
        else if (!this.#isEnding) this.#events.ended(reason, false)
      })
    })
    child.stdin.write(frame(this.#start))
  })

  send(message: ToMember): void {
    if (message._tag === "Build" && this.#sent.push(message.id) === 1) this.#since = now()
    this.#child?.stdin?.write(frame(message))
  }

  get current(): Member["current"] {
    const [id] = this.#sent
    return id === undefined ? undefined : { id, since: this.#since }
  }

  hold(): void {
    // The tests wait for the end of each run.
  }

  close(): void {
    this.#isEnding = true
  }

  async end(): Promise<void> {
    this.close()
    this.#child?.kill("SIGKILL")
    await this.#exited
  }

  #said(said: FromMember): void {
    if (said._tag === "Ready") this.#resume?.(undefined)
    else if (said._tag === "Refused") this.#resume?.({ reason: said.reason, died: false })
    else if (said._tag === "Reply") {
      this.#sent.shift()
      this.#since = now()
      this.#events.outcome(said.id, outcomeOf(said.reply))
    }
  }
}

const backend = (options: ProcessOptions): Backend => ({
  name: "processes",
  open: (runPlan, settings) => {
    const { config, module, name, processes, restarts = 3, started, timeout } = options
    const start = memberStart(runPlan, settings, { config, module, name })
    return Pool.open(runPlan, settings, {
      backend: "processes",
      module,
      size: processes,
      restarts,
      timeout,
      member: (_, events) => new Process(start, events, started)
    })
  }
})

/** Workers whose batches are built by processes. */
export const processes = (options: ProcessOptions): Layer.Layer<Workers.Workers> =>
  Layer.succeed(Workers.Workers, {
    count: options.workers,
    backend: backend(options)
  })
