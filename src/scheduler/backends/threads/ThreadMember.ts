/**
 * A thread as its pool sees it: how it is started, what it is sent, how it ends.
 *
 * The process stays alive for a thread while somebody waits for it, and no longer: a run that is dropped without being
 * closed must not keep it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as LogLevel from "effect/LogLevel"
import { beforeExit, startThread, type Thread } from "../../../core/runtime.ts"
import { shown } from "../../../core/Show.ts"
import type { Member, MemberEvents, NotStarted } from "../remote/Member.ts"
import type { BatchRequest, FromMember, MemberStart, ToMember } from "../remote/Protocol.ts"
import { clonedAlone } from "../remote/SampleCodec.ts"
import { GUARD, REFUSED } from "./NestedThreads.ts"
import type { Extent, LaidOut } from "./QueueCells.ts"
import { SharedBatches } from "./SharedBatches.ts"
import type { SharedQueue } from "./SharedQueue.ts"
import type { BlocksWanted, ThreadBlocks } from "./ThreadBlocks.ts"
import { ThreadControl } from "./ThreadControl.ts"
import { threadProgram } from "./ThreadEntry.ts"
import type { Logged } from "./ThreadLogs.ts"

/** What a thread is started with. @since 0.1.0 */
export interface ThreadStart {
  readonly member: MemberStart
  readonly thread: number
  /** None where no memory can be shared; then all goes as messages. */
  readonly control: SharedArrayBuffer | undefined
  readonly queue: { readonly extent: Extent; readonly buffer: SharedArrayBuffer } | undefined
  /** The minimum level of the run's log. */
  readonly level: LogLevel.Literal | undefined
}

/** Asks a thread for a sign of life: it sends the same back. @since 0.1.0 */
export interface Ping {
  readonly _tag: "Ping"
}

/** @since 0.1.0 */
export interface ThreadMemberOptions {
  readonly start: MemberStart
  readonly thread: number
  readonly queue: SharedQueue | undefined
  readonly blocks: ThreadBlocks
  readonly debug: boolean
  /** How long the thread may take until it is ready. */
  readonly loading: Duration.Duration
  readonly events: MemberEvents
  /** The least that the thread logs, unless its module's `services` say otherwise. */
  readonly level?: LogLevel.Literal
  /** What effects log in the thread. */
  readonly logged: (logged: Logged) => void
}

/** That a thread is ready, or why it will not be. */
type Readiness = "ready" | NotStarted

/**
 * How long a thread that is to end may go on with work that must not be cut off, in milliseconds: a native operation, or
 * on Deno what its stages await. After that it is terminated all the same.
 */
const GRACE_MS = 10_000

/** The same for a thread that opened threads itself; nothing is wanted of it. */
const REFUSED_GRACE_MS = 1000

/** How often it is looked whether that work is done, in milliseconds. */
const POLL_MS = 2

/** Threads that are not ended. When nothing keeps the process alive they end as they do with their run. */
const open = new Set<ThreadMember>()
let unlisten: (() => void) | undefined

/** @since 0.1.0 */
export class ThreadMember implements Member {
  readonly #options: ThreadMemberOptions
  readonly #control = ThreadControl.make()
  readonly #batches: SharedBatches
  #thread: Thread | undefined
  #readiness: Readiness | undefined
  #resume: (() => void) | undefined
  /** Is called when it has answered a ping. */
  #answered: (() => void) | undefined
  #held = true
  #dead = false
  /** When it was started, by `performance.now()`. */
  #started = 0
  /** When it was told to end, by `performance.now()`. */
  #closed: number | undefined
  #grace = GRACE_MS
  #ended: Promise<void> | undefined

  constructor(options: ThreadMemberOptions) {
    this.#options = options
    this.#batches = new SharedBatches(this.#control, options.queue, options.debug)
  }

  readonly start: Effect.Effect<void, NotStarted> = Effect.gen(this, function* () {
    const { level, loading, queue, start, thread } = this.#options
    yield* Effect.try({
      try: () => {
        this.#thread = startThread(
          threadProgram(start.module),
          {
            member: start,
            thread,
            control: this.#control?.buffer,
            queue: queue === undefined ? undefined : { extent: queue.extent, buffer: queue.buffer },
            level
          } satisfies ThreadStart,
          {
            said: (message) => {
              if (isSaid(message)) this.#said(message)
            },
            died: (reason) => this.#died(reason)
          }
        )
      },
      catch: (thrown) => ({ reason: `it could not be started: ${shown(thrown)}`, died: false })
    })
    this.#started = performance.now()
    open.add(this)
    unlisten ??= beforeExit(endAll)
    const readiness = yield* Effect.timeoutTo(this.#settled, {
      duration: loading,
      onSuccess: (own): Readiness => own,
      onTimeout: (): Readiness => ({ reason: this.#tooLong, died: false })
    })
    if (readiness === "ready") return
    yield* Effect.promise(() => this.end())
    return yield* Effect.fail(readiness)
  })

  readonly #settled: Effect.Effect<Readiness> = Effect.async((resume) => {
    this.#resume = () => {
      if (this.#readiness !== undefined) resume(Effect.succeed(this.#readiness))
    }
    this.#resume()
  })

  /** Waits until a thread that is ready has answered a ping, which one that loops for ever never does. Run by one fiber at a time. */
  readonly answers: Effect.Effect<void> = Effect.async((resume) => {
    this.#answered = () => resume(Effect.void)
    this.#thread?.post({ _tag: "Ping" } satisfies Ping)
  })

  get #tooLong(): string {
    const { loading, start } = this.#options
    return (
      `it was not ready after ${Duration.format(loading)}: ${start.module}, its export \`${start.name}\` or its ` +
      `\`services\` take longer, or never finish. If the module runs the program at its top level, ${GUARD}; if it ` +
      "needs longer, raise the option `loading`"
    )
  }

  get stage(): string | undefined {
    return this.#control?.stage
  }

  get current(): Member["current"] {
    return this.#control?.current
  }

  send(message: ToMember): void {
    try {
      this.#thread?.post(message)
    } catch (thrown) {
      // Nothing was sent, and what a stream has given is all in a message that may not be cloned.
      if (message._tag !== "Build" || message.request.samples === undefined) throw thrown
      const samples = clonedAlone(message.request.samples)
      this.#thread?.post({ ...message, request: { ...message.request, samples } } satisfies ToMember)
    }
  }

  /** What was built by a layout; none if it cannot be read yet. */
  laidOut(id: number, request: BatchRequest, answer: LaidOut): boolean {
    const built = this.#batches.laidOut(request, answer)
    if (built !== undefined) this.#options.events.outcome(id, built)
    return built !== undefined
  }

  hold(alive: boolean): void {
    if (alive === this.#held) return
    this.#held = alive
    this.#thread?.hold(alive)
  }

  close(): void {
    if (this.#closed !== undefined) return
    this.#closed = performance.now()
    this.#control?.close()
  }

  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  /** Until when it may go on: one that is not ready no longer than it may load. */
  get #until(): number {
    const grace = (this.#closed ?? 0) + this.#grace
    const { loading } = this.#options
    return this.#readiness === "ready" ? grace : Math.min(grace, this.#started + Duration.toMillis(loading))
  }

  async #end(): Promise<void> {
    this.close()
    const until = this.#until
    this.hold(!this.#dead)
    while (!this.#dead && this.#control?.isAtWork === true && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    await this.#thread?.terminate()
    this.#thread = undefined
    this.#options.blocks.release(this.#options.thread)
    open.delete(this)
    if (open.size === 0) {
      unlisten?.()
      unlisten = undefined
    }
  }

  #said(said: Said): void {
    const { blocks, events, logged, queue } = this.#options
    if (said._tag === "Answered") queue?.told()
    else if (said._tag === "Logged") logged(said)
    else if (said._tag === "Ping") this.#answered?.()
    else if (said._tag === "BlocksWanted") this.#thread?.post(blocks.give(said))
    else if (said._tag === "Memory") this.#batches.grown(said.memory, said.generation)
    else if (said._tag === "Refused") this.#refused(said.reason)
    else if (said._tag === "Ready") this.#ready("ready")
    else {
      const { id, reply } = said
      queue?.release(id)
      events.outcome(id, reply._tag === "Failed" ? reply : this.#batches.sent(reply))
    }
    // There may be batches of a layout, or in memory, that has just become known.
    queue?.poll()
  }

  #ready(readiness: Readiness): void {
    this.#readiness ??= readiness
    this.#resume?.()
  }

  #died(reason: string): void {
    this.#dead = true
    const said = this.#control?.said
    // What it said last tells more than how it left; that it opened threads is not mended by another one.
    const last = said ?? reason
    const { module } = this.#options.start
    if (last.startsWith(REFUSED)) this.#refused(last.slice(REFUSED.length))
    else if (this.#readiness === "ready") this.#options.events.ended(last, false)
    else {
      this.#ready({
        reason: `it ended while it loaded ${module}: ${last}. If the module runs the program at its top level, ${GUARD}`,
        died: true
      })
    }
  }

  #refused(reason: string): void {
    this.#grace = REFUSED_GRACE_MS
    if (this.#readiness === "ready") this.#options.events.ended(reason, true)
    else this.#ready({ reason, died: false })
  }
}

/** What the program of a thread says. */
type Said = FromMember | BlocksWanted | Logged | Ping

const SAID: Readonly<Record<Said["_tag"], true>> = {
  Answered: true,
  BlocksWanted: true,
  Logged: true,
  Memory: true,
  Ping: true,
  Ready: true,
  Refused: true,
  Reply: true
}

/** Whether the program has said it. A module, or a library in it, may post messages of its own from its thread. */
const isSaid = (message: unknown): message is Said =>
  typeof message === "object" &&
  message !== null &&
  "_tag" in message &&
  typeof message._tag === "string" &&
  Object.hasOwn(SAID, message._tag)

const endAll = (): void => {
  for (const member of open) member.close()
  for (const member of open) void member.end()
}
