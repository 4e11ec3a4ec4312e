/**
 * Builds the batches of one run on threads of the runner: any free one builds the next. One that dies is replaced; the batch
 * that it was at is lost, and its loader decides what becomes of it.
 *
 * Where a policy carries streams, thread w mod `threads` builds all batches of worker w, and the death of one ends the run
 * here: its streams are gone.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Outcome } from "../scheduler/backends/remote/Member.ts"
import { type BatchRequest, batchKey, type MemberStart } from "../scheduler/backends/remote/Protocol.ts"
import { ThreadBlocks } from "../scheduler/backends/threads/ThreadBlocks.ts"
import { logged } from "../scheduler/backends/threads/ThreadLogs.ts"
import { ThreadMember } from "../scheduler/backends/threads/ThreadMember.ts"
import type { Answer, BuilderEvents, Builders, Ordered } from "./Builders.ts"

/** How often in a row a thread may die before it has built anything. */
const RESTARTS = 3

/** The place of a thread, which another one takes if it dies. */
interface Seat {
  readonly number: number
  member: ThreadMember
  isOpen: boolean
  at: Ordered | undefined
  /** Deaths since it built something. */
  deaths: number
}

/** @since 0.1.0 */
export interface ThreadBuildersOptions {
  readonly start: MemberStart
  readonly threads: number
  /** How long a thread may take until it is ready. */
  readonly loading: Duration.Duration
  readonly events: BuilderEvents
}

/** Fails with an error whose message says why the run cannot be built. @since 0.1.0 */
export const make = ({
  events,
  loading,
  start,
  threads
}: ThreadBuildersOptions): Effect.Effect<Builders, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = yield* FiberSet.makeRuntime<never>()
    const blocks = new ThreadBlocks(threads)
    const carries = start.policy?.carries !== undefined
    const orders: Array<Ordered> = []
    const cancelled = new Set<number>()
    /** Who keeps what went well in a failed attempt at a batch, by its key. */
    const kept = new Map<string, Seat>()

    const memberOf = (seat: Omit<Seat, "member"> & { member?: ThreadMember }): ThreadMember => {
      const member: ThreadMember = new ThreadMember({
        start,
        thread: seat.number,
        queue: undefined,
        blocks,
        debug: false,
        loading,
        logged: (own) => void fork(logged(own)),
        events: {
          outcome: (id, outcome) => {
            if (seat.member === member && seat.at?.id === id) {
              if (outcome._tag === "Failed" && start.limits.careful) {
                kept.set(batchKey(seat.at.request), seat as Seat) // it has its member
              }
              seat.at = undefined
              seat.deaths = 0
              answer(id, outcome)
            } else if (outcome._tag === "Built") outcome.discard()
            give()
          },
          ended: (reason, refused) => {
            if (seat.member !== member) return
            if (refused) events.failed(reason)
            else lost(seat as Seat, reason) // it has its member
          }
        }
      })
      return member
    }
    const answer = (id: number, outcome: Outcome): void => {
      if (!cancelled.delete(id)) events.answered(id, answerOf(outcome))
      else if (outcome._tag === "Built") outcome.discard()
    }
    /** Gives orders to threads that are free. */
    const give = (): void => {
      while (orders.length > 0 && events.hasRoom()) {
        const place = orders.findIndex(({ request }) => freeFor(request) !== undefined)
        const [own] = place === -1 ? [] : orders.splice(place, 1)
        const seat = own === undefined ? undefined : freeFor(own.request)
        if (own === undefined || seat === undefined) return
        seat.at = own
        kept.delete(batchKey(own.request))
        seat.member.send({ _tag: "Build", ...own })
      }
    }
    const freeFor = (request: BatchRequest): Seat | undefined => {
      const only = kept.get(batchKey(request)) ?? (carries ? seats[request.worker % threads] : undefined)
      if (only !== undefined) return isFree(only) ? only : undefined
      return seats.find(isFree)
    }
    const lost = (seat: Seat, reason: string): void => {
      seat.isOpen = false
      const { at, member } = seat
      seat.at = undefined
      for (const [key, own] of kept) if (own === seat) kept.delete(key)
      if (at !== undefined && !cancelled.delete(at.id)) {
        events.answered(at.id, { _tag: "Lost", reason, stage: member.stage })
      }
      if (carries) events.failed(`a thread ended, and the streams that it carried with it: ${reason}`)
      else if (++seat.deaths > RESTARTS) events.failed(reason)
      else fork(replace(seat))
    }
    const replace = (seat: Seat): Effect.Effect<void> =>
      Effect.promise(() => seat.member.end()).pipe(
        Effect.flatMap(() => {
          seat.member = memberOf(seat)
          return seat.member.start
        }),
        Effect.match({
          onSuccess: () => {
            seat.isOpen = true
            seat.member.hold(false)
            give()
          },
          onFailure: ({ reason }) => events.failed(reason)
        })
      )
    const seats: ReadonlyArray<Seat> = Array.from({ length: threads }, (_, number) => {
      const seat = { number, isOpen: false, at: undefined, deaths: 0 }
      return Object.assign(seat, { member: memberOf(seat) })
    })
    yield* Effect.addFinalizer(() =>
      Effect.promise(async () => {
        for (const { member } of seats) member.close()
        await Promise.all(seats.map(({ member }) => member.end()))
      })
    )
    yield* Effect.forEach(
      seats,
      (seat) =>
        Effect.tap(seat.member.start, () =>
          Effect.sync(() => {
            seat.isOpen = true
            seat.member.hold(false)
          })
        ),
      { concurrency: "unbounded", discard: true }
    ).pipe(Effect.mapError(({ reason }) => new Error(reason)))

    const cancel = (id: number): boolean => {
      const place = orders.findIndex((own) => own.id === id)
      if (place !== -1) orders.splice(place, 1)
      else if (seats.some(({ at }) => at?.id === id)) cancelled.add(id)
      return place !== -1
    }
    return {
      add: (ordered) => {
        orders.push(ordered)
        give()
      },
      cancel: (id) => {
        cancel(id)
      },
      kill: (id) => {
        const seat = seats.find(({ at }) => at?.id === id)
        cancel(id)
        if (seat !== undefined) lost(seat, "it was not done in time")
      },
      drop: (key) => {
        kept.delete(key)
        for (const { isOpen, member } of seats) if (isOpen) member.send({ _tag: "Drop", key })
      },
      wake: give
    }
  })

const isFree = ({ at, isOpen }: Seat): boolean => isOpen && at === undefined

const answerOf = (outcome: Outcome): Answer => {
  if (outcome._tag === "Failed") return outcome
  const { draws = [], observed, retried, times } = outcome
  const { batch, hash, lease } = outcome.content()
  return {
    _tag: "Built",
    batch,
    hash,
    observed,
    draws,
    retried,
    times,
    release: () => lease?.release()
  }
}
