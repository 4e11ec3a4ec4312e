/**
 * A runner as a loader's pool sees it: one connection, over which several batches are in flight.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { shown } from "../core/Show.ts"
import type { Batch } from "../pipeline/Batch.ts"
import { Lease } from "../pipeline/Lease.ts"
import type { BuiltBatch } from "../scheduler/backends/Backend.ts"
import type { BuiltElsewhere, Member, NotStarted, Outcome } from "../scheduler/backends/remote/Member.ts"
import type { MemberStart, ToMember } from "../scheduler/backends/remote/Protocol.ts"
import type { Compression } from "../service/Compression.ts"
import { partsOf, type Received } from "../service/FrameBytes.ts"
import { unpack } from "../service/WireValue.ts"
import type { BodyMemory } from "./BodyMemory.ts"
import type { Dial } from "./Dial.ts"
import { FrameSocket } from "./FrameSocket.ts"
import {
  aboutIn,
  BEFORE_HELLO,
  failureIn,
  identity,
  numberIn,
  packableStart,
  send,
  textIn,
  versionsDiffer
} from "./RunnerMessages.ts"
import type { RunnerInfo } from "./Runners.ts"
import type { Timing } from "./Timing.ts"

/** What a pool hears of a runner that is ready. @since 0.1.0 */
export interface RunnerEvents {
  readonly outcome: (id: number, outcome: Outcome) => void
  /** What built the request of an id died at it, and the runner goes on. */
  readonly lost: (id: number, reason: string, stage: string | undefined) => void
  /** It takes no more requests. */
  readonly draining: () => void
  /** Its service has ended; the connection `broke` if nobody said so beforehand, so that the runner may go on. */
  readonly ended: (reason: string, broke: boolean) => void
  /** So many bytes of batches came, or were let go of if it is negative. */
  readonly held: (bytes: number) => void
}

/** How a loader reaches runners. @since 0.1.0 */
export interface Reaching {
  readonly dial: Dial
  readonly timing: Timing
  readonly token: Redacted.Redacted | undefined
  /** How long a runner may take until it is ready. */
  readonly loading: Duration.Duration
  /** How long it may be silent, in milliseconds. */
  readonly silence: number
  /** How the bodies of batches may come. */
  readonly compression: Compression
}

/** @since 0.1.0 */
export interface RunnerMemberOptions extends Reaching {
  readonly runner: RunnerInfo
  readonly start: MemberStart
  readonly memory: BodyMemory
  readonly events: RunnerEvents
}

/** Why the other side can have ended a connection before it said anything. */
const WHY_CLOSED = "do both sides use TLS, or neither? Or has it as many loaders as its option connections allows?"

/** What is said of a connection that the other side has ended. */
const CLOSED = /closed|hang up|reset|disconnected|wrong version|corrupt|broke$/i

/** Why a runner is not used; it may be asked again soon if it `died`. */
interface Refusal extends NotStarted {}

/** @since 0.1.0 */
export class RunnerMember implements Member {
  readonly current = undefined
  readonly stage = undefined
  readonly #options: RunnerMemberOptions
  #socket: FrameSocket | undefined
  #stage: "hello" | "open" | "ready" | "over" = "hello"
  #settle: ((refusal: Refusal | undefined) => void) | undefined
  /** Until it has answered, and then until it is ready. */
  #answered: (() => void) | undefined
  /** How many batches it builds at once, as it says. */
  threads = 1
  /** The id of its process, once it has answered. */
  process: string | undefined
  #isHeld = true

  constructor(options: RunnerMemberOptions) {
    this.#options = options
    this.threads = options.runner.threads
  }

  readonly start: Effect.Effect<void, NotStarted> = Effect.suspend(() => {
    const { loading, runner, timing } = this.#options
    const answer = Duration.millis(timing.answer)
    const late = (after: Duration.Duration, what: string) => (): NotStarted => ({
      reason: `${what} within ${Duration.format(after)}`,
      died: true
    })
    const answered = Effect.async<void>((resume) => {
      this.#answered = () => resume(Effect.void)
    }).pipe(Effect.timeoutFail({ duration: answer, onTimeout: late(answer, "it did not answer") }))
    const settled = Effect.async<void, NotStarted>((resume) => {
      this.#settle = (refusal) => resume(refusal === undefined ? Effect.void : Effect.fail(refusal))
      this.#connect(runner)
    }).pipe(Effect.timeoutFail({ duration: loading, onTimeout: late(loading, "it was not ready") }))
    // The answer comes first, and is waited for beside.
    return Effect.raceFirst(settled, Effect.zipRight(answered, Effect.never)).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          this.#settle = undefined
          if (exit._tag === "Failure") void this.end()
        })
      )
    )
  })

  /** Whether it has answered, and is not ready. */
  get isLoading(): boolean {
    return this.#stage === "open"
  }

  send(message: ToMember): void {
    const socket = this.#socket
    if (socket === undefined) return
    if (message._tag === "Build") send(socket, "build", { id: message.id, request: message.request })
    else send(socket, "drop", { key: message.key })
  }

  /** The batch of an id is no longer wanted; with `kill`, whatever is building it is ended. */
  cancel(id: number, kill: boolean): void {
    if (this.#socket !== undefined) send(this.#socket, kill ? "kill" : "cancel", { id })
  }

  /** Nothing more is taken from it, until it is to go on. */
  pause(paused: boolean): void {
    if (paused) this.#socket?.pause()
    else this.#socket?.resume()
  }

  hold(alive: boolean): void {
    if (alive === this.#isHeld) return
    this.#isHeld = alive
    this.#socket?.hold(alive)
  }

  close(): void {
    this.#stage = "over"
  }

  end(): Promise<void> {
    this.close()
    this.#socket?.end("the run has ended")
    return Promise.resolve()
  }

  #connect(runner: RunnerInfo): void {
    const { compression, dial, silence, timing, token } = this.#options
    this.#socket = new FrameSocket(dial(runner), {
      silence,
      beat: timing.beat,
      reader: BEFORE_HELLO,
      came: (frame) => this.#came(frame),
      ended: (reason, broke) => this.#over(reason, broke)
    })
    this.#socket.hold(this.#isHeld)
    const own = token === undefined ? null : Redacted.value(token)
    send(this.#socket, "hello", { ...identity, token: own, compression })
  }

  #over(reason: string, broke: boolean): void {
    const { events } = this.#options
    const isUnanswered = this.#stage === "hello" && CLOSED.test(reason)
    const told = isUnanswered ? `${reason}, before it had answered: ${WHY_CLOSED}` : reason
    if (this.#settle !== undefined) this.#settle({ reason: told, died: true })
    else if (this.#stage === "ready") events.ended(reason, broke)
    this.#stage = "over"
  }

  #came(frame: Received): void {
    const { events, start } = this.#options
    const { kind } = frame.head
    if (this.#stage === "over") return
    if (kind === "refused") {
      const { lasting, reason } = frame.head
      const told = { reason: shown(reason), died: lasting !== true }
      if (this.#settle === undefined) this.#socket?.end(String(reason))
      else this.#settle({ ...told, reason: String(reason) })
    } else if (this.#stage === "hello" && kind === "welcome") {
      const differ = versionsDiffer(frame.head)
      if (differ !== undefined) {
        this.#settle?.({ reason: `it does not fit this loader: ${differ}`, died: false })
        return
      }
      this.threads = numberIn(frame, "threads")
      this.process = textIn(frame, "id")
      this.#stage = "open"
      this.#answered?.()
      const { compression, memory } = this.#options
      this.#socket?.expect({ memory: memory.take, compression })
      if (this.#socket !== undefined) send(this.#socket, "open", { start: packableStart(start) })
    } else if (this.#stage === "open" && kind === "ready") {
      this.#stage = "ready"
      this.#settle?.(undefined)
    } else if (this.#stage !== "ready") throw new RangeError(`it sent ${shown(kind)} before it was ready`)
    else if (kind === "built") events.outcome(numberIn(frame, "id"), this.#built(frame))
    else if (kind === "failed") events.outcome(numberIn(frame, "id"), failureIn(frame))
    else if (kind === "lost") {
      const { stage } = frame.head
      events.lost(numberIn(frame, "id"), textIn(frame, "reason"), typeof stage === "string" ? stage : undefined)
    } else if (kind === "draining") events.draining()
    else throw new RangeError(`it sent ${shown(kind)}, which no runner sends`)
  }

  #built(frame: Received): BuiltElsewhere {
    const { events, memory } = this.#options
    const { hash, ...about } = aboutIn(frame)
    const { body } = frame
    events.held(body.length)
    const letGo = (): void => {
      events.held(-body.length)
      memory.give(body)
    }
    return {
      _tag: "Built",
      ...about,
      content: (): BuiltBatch => {
        events.held(-body.length)
        return contentOf(frame, hash, () => memory.give(body))
      },
      discard: letGo
    }
  }
}

/** The batch of a frame: its tensors lie in the frame's body until it is given back, all else is its own. */
const contentOf = (frame: Received, hash: Uint8Array | undefined, give: () => void): BuiltBatch => {
  const { batch: packed } = frame.head
  const place = packed as { readonly epoch?: unknown; readonly index?: unknown } | undefined // read for its own error alone
  const lease = new Lease(Number(place?.epoch), Number(place?.index), give)
  const batch =
    packed === undefined
      ? undefined
      : unpack(packed, {
          part: partsOf(frame),
          tensor: ({ data, shape }) => lease.tensor(data, shape),
          array: ({ data }) => data.slice()
        })
  if (batch === undefined) {
    lease.release()
    return { batch: undefined, hash }
  }
  return { batch: batch as Batch<unknown>, hash, lease } // a runner sends batches
}
