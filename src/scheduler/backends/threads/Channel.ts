/**
 * One started thread, as its owner sees it: questions go in, answers come out in their order, until it ends.
 *
 * The process stays alive for a thread while somebody waits for it, and no longer: a run that is dropped without being
 * closed must not keep it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { beforeExit, startThread, type Thread } from "../../../core/runtime.ts"
import { shown } from "../../../core/Show.ts"
import { Control } from "./Control.ts"
import { Delivery } from "./Delivery.ts"
import { entry } from "./Entry.ts"
import type { Like } from "./Form.ts"
import { type Extent, Mailbox } from "./Mailbox.ts"
import { GUARD, REFUSED } from "./Nested.ts"
import type { Make, Said, Start } from "./Protocol.ts"

type Spoken = Exclude<Said, { readonly _tag: "Memory" }>

/** Why there is no answer. @since 0.1.0 */
export interface Gone {
  readonly _tag: "Gone"
  readonly reason: string
}

/** What came of a question: an answer, or why there is none. @since 0.1.0 */
export type Answer = Spoken | Like | Gone

/** What the thread is asked, and what comes of it. @since 0.1.0 */
export interface Question<Message extends Make | undefined = Make | undefined> {
  /** The batch that is asked for; none at the thread's start, which is asked whether it is ready. */
  message: Message
  answer: Answer | undefined
  /** Wakes the fiber that waits for the answer, if one does. */
  resume: (() => void) | undefined
  /** Is called whenever there is an answer. */
  readonly arrived: (() => void) | undefined
}

/** @since 0.1.0 */
export const question = <Message extends Make | undefined>(
  message: Message,
  arrived?: () => void
): Question<Message> => ({ message, answer: undefined, resume: undefined, arrived })

const settle = (own: Question, answer: Answer): void => {
  own.answer = answer
  own.resume?.()
  own.arrived?.()
}

/** What a channel is opened with. @since 0.1.0 */
export interface ChannelOptions {
  readonly start: Omit<Start, "mailbox" | "control">
  readonly extent: Extent
  readonly debug: boolean
  /** How long the thread may take until it is ready. */
  readonly loading: Duration.Duration
}

/** Why a thread could not be started; `died` where it did so by itself, so that another one may do better. @since 0.1.0 */
export interface NotStarted {
  readonly reason: string
  readonly died: boolean
}

/**
 * How long a thread that is to end may go on with work that must not be cut off, in milliseconds: a native operation, or
 * on Deno what its stages await. After that it is terminated all the same.
 *
 * @since 0.1.0
 */
export const GRACE_MS = 10_000

/** The same for a thread that opened threads itself, of which nobody wants anything. */
const REFUSED_GRACE_MS = 1000

/** How often it is looked whether that work is done, in milliseconds. */
const POLL_MS = 2

/** Threads that are not ended. When nothing keeps the process alive they end as they do with their run. */
const open = new Set<Channel>()
let unlisten: (() => void) | undefined

/** @since 0.1.0 */
export class Channel {
  readonly delivery: Delivery
  readonly #options: ChannelOptions
  readonly #control = Control.make()
  readonly #offered: Mailbox | undefined
  /** The mailbox, once the thread is ready; without one all goes by messages. */
  #mailbox: Mailbox | undefined
  #thread: Thread | undefined
  /** What waits for answers, which come in the order of the questions. */
  #asked: Array<Question> = []
  /** Answers that came as messages, and are not due yet. */
  readonly #spoken: Array<Spoken> = []
  /** Batches that the thread need not keep what it has of, by their keys. */
  #dropped: Array<string> = []
  /** Whether the mailbox is waited for. */
  #awaited = false
  #held = true
  /** Why there are no answers any more. */
  #final: Answer | undefined
  #dead = false
  #ready = false
  /** When it was started, by `performance.now()`. */
  #started = 0
  /** When it was told to end, by `performance.now()`. */
  #closed: number | undefined
  #grace = GRACE_MS
  #ended: Promise<void> | undefined

  constructor(options: ChannelOptions) {
    this.#options = options
    this.delivery = new Delivery(options.debug)
    this.#offered = Mailbox.make(options.extent)
  }

  /** Starts the thread, and waits until it has built the pipeline. */
  readonly start: Effect.Effect<void, NotStarted> = Effect.gen(this, function* () {
    const { extent, loading, start } = this.#options
    const ready = question(undefined)
    this.#asked = [ready]
    const mailbox = this.#offered === undefined ? undefined : { extent, buffer: this.#offered.buffer }
    yield* Effect.try({
      try: () => {
        this.#thread = startThread(
          entry(start.module),
          { ...start, mailbox, control: this.#control?.buffer } satisfies Start,
          {
            said: (message) => this.#said(message as Said), // our own program says nothing else
            died: (reason) => this.#died(reason)
          }
        )
      },
      catch: (thrown) => ({ reason: `it could not be started: ${shown(thrown)}`, died: false })
    })
    this.#started = performance.now()
    open.add(this)
    unlisten ??= beforeExit(endAll)
    const answer = yield* Effect.timeoutTo(this.answered(ready), {
      duration: loading,
      onSuccess: (own): Answer | undefined => own,
      onTimeout: () => undefined
    })
    if (answer?._tag === "Ready") {
      this.#mailbox = this.#offered
      this.#ready = true
      return
    }
    yield* Effect.promise(() => this.end())
    return yield* Effect.fail({ reason: this.#unready(answer), died: answer?._tag === "Gone" })
  })

  /** Why the thread did not come to be ready; without an answer it took too long. */
  #unready(answer: Answer | undefined): string {
    const { loading, start } = this.#options
    if (answer?._tag === "Refused") return answer.reason
    if (answer?._tag === "Gone") {
      return `it ended while it loaded ${start.module}: ${answer.reason}. If the module runs the program at its top level, ${GUARD}`
    }
    if (answer !== undefined) return "it answered before it was asked"
    return (
      `it was not ready after ${Duration.format(loading)}: ${start.module}, its export \`${start.name}\` or its ` +
      `\`services\` take longer, or never finish. If the module runs the program at its top level, ${GUARD}; if it ` +
      "needs longer, raise the option `loading`"
    )
  }

  /** The stage that the thread was at last, as far as is known. */
  get stage(): string | undefined {
    return this.#mailbox?.stage
  }

  /** Whether it takes questions no more. */
  get isOver(): boolean {
    return this.#final !== undefined
  }

  /** Lets the thread forget a batch of which an attempt has failed, with the next question. */
  drop(key: string): void {
    this.#dropped.push(key)
  }

  /** Asks for a batch. */
  post(pending: Question<Make>): void {
    if (this.#final !== undefined) {
      settle(pending, this.#final)
      return
    }
    this.#asked.push(pending)
    const dropped = this.#dropped.length === 0 ? {} : { dropped: this.#dropped }
    const whole = { ...pending.message, free: this.delivery.takeFree(), ...dropped }
    this.#dropped = []
    if (this.#mailbox?.ask(whole) === true) return
    this.#thread?.post(whole)
    if (this.#mailbox === undefined) this.#hold(true)
  }

  /**
   * Hands on all answers that are there. Where there is none, and `wait` says so, it does as soon as there is one. Else
   * nobody does, until the next look: to be woken costs the main thread more than to look when a batch is wanted.
   */
  look(wait: boolean): void {
    const mailbox = this.#mailbox
    if (this.#closed !== undefined) return
    if (mailbox === undefined) {
      this.#hold(this.#asked.length > 0)
      return
    }
    let seen = false
    while (this.#asked.length > 0) {
      if (mailbox.isAnswered) {
        if (!this.#next(mailbox)) {
          // The message that it speaks of is on its way.
          this.#hold(true)
          return
        }
        seen = true
        continue
      }
      const wanted = (wait && !seen) || this.#asked.some(({ resume }) => resume !== undefined)
      if (!wanted || this.#awaited) break
      const change = mailbox.answering()
      if (change === undefined) continue
      this.#awaited = true
      this.#hold(true)
      void change.then(() => {
        this.#awaited = false
        this.look(true)
      })
      return
    }
    if (!this.#awaited) this.#hold(false)
  }

  /** Waits for an answer. */
  answered(own: Question): Effect.Effect<Answer> {
    const arrival = Effect.async<void>((resume) => {
      if (own.answer !== undefined) {
        resume(Effect.void)
        return
      }
      const off = (): void => {
        own.resume = undefined
      }
      own.resume = () => {
        off()
        resume(Effect.void)
      }
      this.look(true)
      return Effect.sync(off)
    })
    const answered: Effect.Effect<Answer> = Effect.suspend(() =>
      own.answer === undefined ? Effect.zipRight(arrival, answered) : Effect.succeed(own.answer)
    )
    return answered
  }

  /** Tells the thread that it is to end, so that it begins nothing that must not be cut off. */
  close(): void {
    if (this.#closed !== undefined) return
    this.#closed = performance.now()
    this.#control?.close()
    this.#mailbox?.wake()
  }

  /** Ends the thread, whatever it is at, once what must not be cut off is done or has had its time. */
  end(): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  /** Until when it may go on: one that is not ready no longer than it may load. */
  get #until(): number {
    const grace = (this.#closed ?? 0) + this.#grace
    return this.#ready ? grace : Math.min(grace, this.#started + Duration.toMillis(this.#options.loading))
  }

  async #end(): Promise<void> {
    this.close()
    const until = this.#until
    this.#hold(!this.#dead)
    while (!this.#dead && this.#control?.isAtWork === true && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    }
    await this.#thread?.terminate()
    this.#thread = undefined
    open.delete(this)
    if (open.size === 0) {
      unlisten?.()
      unlisten = undefined
    }
  }

  #hold(alive: boolean): void {
    if (alive === this.#held) return
    this.#held = alive
    this.#thread?.hold(alive)
  }

  /** Hands on the next answer; `false` when it is a message that is still on its way, which will ask for it again. */
  #next(mailbox: Mailbox): boolean {
    const { due } = mailbox
    if (due !== undefined) {
      mailbox.take()
      this.#answer(this.delivery.like(due, this.#asked[0]?.message?.indices ?? new Float64Array(0)))
      return true
    }
    const spoken = this.#spoken.shift()
    if (spoken === undefined) return false
    mailbox.take()
    if (spoken._tag === "Made") this.delivery.learn(spoken)
    this.#answer(spoken)
    return true
  }

  #said(said: Said): void {
    if (said._tag === "Memory") this.delivery.grown(said.memory)
    else if (said._tag === "Refused") this.#refused(said)
    else if (this.#mailbox === undefined) {
      this.#answer(said)
      this.look(false)
    } else {
      this.#spoken.push(said)
      this.look(true)
    }
  }

  #answer(answer: Answer): void {
    const own = this.#asked.shift()
    if (own !== undefined) settle(own, answer)
  }

  #died(reason: string): void {
    this.#dead = true
    const said = this.#control?.said
    // What it said last tells more than how it left; that it opened threads is not mended by another one.
    if (said?.startsWith(REFUSED) === true) this.#refused({ _tag: "Refused", reason: said.slice(REFUSED.length) })
    else this.#finish({ _tag: "Gone", reason: said ?? reason })
  }

  #refused(refused: Extract<Said, { readonly _tag: "Refused" }>): void {
    this.#grace = REFUSED_GRACE_MS
    this.#finish(refused)
  }

  /** From now on whatever is asked has this for an answer. */
  #finish(answer: Answer): void {
    this.#final ??= answer
    const asked = this.#asked
    this.#asked = []
    for (const own of asked) settle(own, this.#final)
    this.#hold(false)
  }
}

const endAll = (): void => {
  for (const channel of open) channel.close()
  for (const channel of open) void channel.end()
}
