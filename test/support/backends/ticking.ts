/**
 * A pool of members that build by a clock, which the test moves: what threads do, in the order in which they would do it,
 * without threads. They take requests from the queue of threads, and answer in it.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Workers } from "../../../src/index.ts"
import type { Backend } from "../../../src/scheduler/backends/Backend.ts"
import type { Member, MemberEvents } from "../../../src/scheduler/backends/remote/Member.ts"
import * as Pool from "../../../src/scheduler/backends/remote/Pool.ts"
import type { BatchRequest, ToMember } from "../../../src/scheduler/backends/remote/Protocol.ts"
import { SharedQueue, type TakenRequest } from "../../../src/scheduler/backends/threads/SharedQueue.ts"

export interface TickingOptions {
  readonly workers: number
  readonly prefetch: number
  /** How many ticks a batch takes each member. */
  readonly ticks: ReadonlyArray<number>
  /** How many batches may be in flight; each counts as 1 KiB. */
  readonly most: number
  /** The time that the queue sees, in milliseconds. */
  readonly now: () => number
  /** How many members end at the moment at which they are ready. Default 0. */
  readonly ending?: number
}

class TickingMember implements Member {
  readonly start: Effect.Effect<void>
  readonly stage = undefined
  readonly current = undefined
  readonly number: number
  readonly events: MemberEvents
  at: (TakenRequest & { readonly due: number }) | undefined
  readonly sent: Array<ToMember> = []

  constructor(number: number, events: MemberEvents, ends: boolean) {
    this.start = Effect.sync(() => {
      if (ends) events.ended("it ended", false)
    })
    this.number = number
    this.events = events
  }

  send(message: ToMember): void {
    this.sent.push(message)
  }

  hold(): void {
    // Nothing keeps a process alive.
  }

  close(): void {
    // Nothing is under way between two ticks.
  }

  async end(): Promise<void> {
    // As above.
  }
}

export class Ticking {
  now = 0
  /** How many batches are built, how many of them are in flight, and how many were at most. */
  built = 0
  inFlight = 0
  most = 0
  /** How often the main thread was told of answers. */
  wakes = 0
  readonly #options: TickingOptions
  readonly #members: Array<TickingMember> = []
  /** How many members were opened. */
  opened = 0
  #ours: SharedQueue | undefined
  #theirs: SharedQueue | undefined

  constructor(options: TickingOptions) {
    this.#options = options
  }

  readonly layer: Layer.Layer<Workers.Workers> = Layer.suspend(() =>
    Layer.succeed(Workers.Workers, { count: this.#options.workers, backend: this.#backend })
  )

  readonly #backend: Backend = {
    name: "ticking",
    open: (runPlan, settings) => {
      const { ending = 0, most, now, ticks, workers } = this.#options
      const queue = SharedQueue.make({ cells: workers * settings.prefetch, rows: 8, stages: [], most }, now)
      if (queue === undefined) return Effect.dieMessage("no memory can be shared")
      this.#ours = queue
      this.#theirs = new SharedQueue(queue.extent, queue.buffer)
      queue.onAnswer = (member, id, request) => {
        const discard = (): void => undefined
        const content = () => ({ batch: batchOf(request), hash: undefined })
        this.#members[member]?.events.outcome(id, { _tag: "Built", content, discard })
        return true
      }
      return Pool.open(runPlan, settings, {
        backend: "ticking",
        module: "none",
        size: ticks.length,
        restarts: ending,
        timeout: undefined,
        queue,
        member: (number, events) => {
          const member = new TickingMember(number, events, this.opened++ < ending)
          this.#members[number] = member
          return member
        }
      })
    }
  }

  /** One tick: batches that are done by now are answered, and whoever is free takes the next one. */
  tick(): void {
    this.now++
    for (const member of this.#members) {
      const { at, number } = member
      if (at !== undefined && at.due <= this.now) {
        member.at = undefined
        this.built++
        this.inFlight++
        this.most = Math.max(this.most, this.inFlight)
        const answer = { layout: 0, generation: 0, kibibytes: 1, addresses: [], hash: undefined }
        if (this.#theirs?.answer(number, at.cell, answer) === true) this.#tell()
      }
      if (member.at !== undefined) continue
      const next = this.#theirs?.take(number)
      if (next !== undefined) member.at = { ...next, due: this.now + (this.#options.ticks[number] ?? 1) }
      else if (this.#theirs?.idle() === true) this.#tell()
    }
  }

  /** Whether the consumer waits for a batch. */
  get isAwaited(): boolean {
    return this.#theirs?.isAwaited === true
  }

  /** The memory of a batch is given back. */
  give(): void {
    this.inFlight--
    this.#ours?.given(1)
  }

  #tell(): void {
    this.wakes++
    this.#ours?.told()
  }
}

const batchOf = ({ batch, epoch, indices, worker }: BatchRequest) => ({
  epoch,
  index: batch,
  rank: 0,
  worker,
  size: indices.length,
  indices,
  columns: {}
})
