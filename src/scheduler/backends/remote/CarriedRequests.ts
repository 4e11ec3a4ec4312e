/**
 * The requests of one member where a policy carries streams: sent in their order, once the member has built all batches of
 * their worker that come before.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { shown } from "../../../core/Show.ts"
import { earlier } from "../../build/CarriedStreams.ts"
import { TypedFailure } from "../../build/Work.ts"
import type { RunPlan } from "../../plan/RunPlan.ts"
import type { BatchRequests } from "./BatchRequests.ts"
import type { Outcome } from "./Member.ts"
import type { PendingBatch } from "./PendingBatch.ts"
import type { BatchRequest } from "./Protocol.ts"

/** What they need of their pool. @since 0.1.0 */
export interface CarriedOptions {
  readonly runPlan: RunPlan
  readonly requests: BatchRequests
  readonly newId: () => number
  readonly send: (pending: PendingBatch) => void
  readonly sendAgain: (id: number, request: BatchRequest) => void
  readonly fork: (effect: Effect.Effect<void>) => void
  /** A request cannot be sent. */
  readonly failed: (pending: PendingBatch, reason: string) => void
  /** How many requests the member may have at once. Default: any number. */
  readonly most?: number
}

/** @since 0.1.0 */
export class CarriedRequests {
  readonly #options: CarriedOptions
  #waiting: Array<PendingBatch> = []
  /** The ids of what the member has and has not answered. */
  readonly #out = new Set<number>()
  /** The workers whose streams the member has brought up to their next batch. */
  #advanced = new Set<number>()
  #isAdvancing = false
  /** A batch that is built again, since streams are carried through it. */
  #again: { readonly id: number; readonly done: (outcome: Outcome | undefined) => void } | undefined

  constructor(options: CarriedOptions) {
    this.#options = options
  }

  add(pending: PendingBatch): void {
    this.#waiting.push(pending)
  }

  /** The member is gone: another one has built nothing yet. */
  restart(): void {
    this.#advanced = new Set()
    this.#isAdvancing = false
    this.#again?.done(undefined)
    this.#again = undefined
    this.#out.clear()
  }

  /** Whether the member has a request, and has not answered it. */
  isOut(id: number): boolean {
    return this.#out.has(id)
  }

  /** The member has answered a request, or is told that it is not wanted any more: others may have its place. */
  answered(id: number): void {
    if (this.#out.delete(id) && this.#waiting.length > 0) this.send()
  }

  /** Takes the outcome of a batch that is built again; returns whether it is one. */
  takes(id: number, outcome: Outcome): boolean {
    if (this.#again?.id !== id) return false
    this.#again.done(outcome)
    return true
  }

  /** Sends what waits, as far as the member is there. */
  send(): void {
    const { most = Number.POSITIVE_INFINITY } = this.#options
    // Half of them at once: what waits is put in order each time.
    if (this.#isAdvancing || this.#out.size > most / 2) return
    // Ids are in the order of the plan: no policy that carries streams has a batch attempted again under another one.
    const all = this.#waiting.toSorted((one, other) => one.id - other.id)
    const behind = all.find(({ request }) => !this.#advanced.has(request.worker))
    if (behind !== undefined) {
      this.#isAdvancing = true
      this.#options.fork(this.#advance(behind, this.#advanced))
      return
    }
    const room = most - this.#out.size
    this.#waiting = all.slice(room)
    for (const pending of all.slice(0, room)) {
      this.#out.add(pending.id)
      this.#options.send(pending)
    }
  }

  /** Has all batches of a worker built that come before a request. */
  #advance(first: PendingBatch, advanced: Set<number>): Effect.Effect<void> {
    const { requests, runPlan } = this.#options
    return Effect.gen(this, function* () {
      const { batch, epoch, worker } = first.request
      for (const range of earlier(runPlan, worker, { epoch, batch })) {
        // The member may have gone after its last answer, and before this: the next one begins anew.
        if (advanced !== this.#advanced) return
        const outcome = yield* this.#built(requests.make(worker, range))
        if (outcome === undefined) return
        if (outcome._tag === "Built") outcome.discard()
      }
      advanced.add(worker)
    }).pipe(
      Effect.catchAllDefect((thrown) =>
        Effect.sync(() => {
          this.#waiting = this.#waiting.filter((own) => own !== first)
          this.#options.failed(first, shown(TypedFailure.is(thrown) ? thrown.error : thrown))
        })
      ),
      Effect.zipRight(
        Effect.sync(() => {
          if (advanced !== this.#advanced) return
          this.#isAdvancing = false
          this.send()
        })
      )
    )
  }

  /** What comes of a batch that is built again; `undefined` if the member ends. */
  #built(request: BatchRequest): Effect.Effect<Outcome | undefined> {
    return Effect.async((resume) => {
      const id = this.#options.newId()
      this.#again = { id, done: (outcome) => resume(Effect.succeed(outcome)) }
      this.#options.sendAgain(id, request)
    })
  }
}
