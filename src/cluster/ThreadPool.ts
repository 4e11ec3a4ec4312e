/**
 * Threads of a runner that build the batches of one run after another: any free one builds the next. One that dies is
 * replaced; the batch that it was at is lost, and its loader decides what becomes of it.
 *
 * Where a policy carries streams, thread w mod `threads` builds all batches of worker w, and the death of one ends the run
 * here: its streams are gone.
 *
 * @since 0.1.0
 */

import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type NotStarted, now, type Outcome } from "../scheduler/backends/remote/Member.ts"
import { type BatchRequest, batchKey, type MemberStart } from "../scheduler/backends/remote/Protocol.ts"
import { ThreadBlocks } from "../scheduler/backends/threads/ThreadBlocks.ts"
import { logged } from "../scheduler/backends/threads/ThreadLogs.ts"
import { ThreadMember } from "../scheduler/backends/threads/ThreadMember.ts"
import type { Answer, BuilderEvents, Builders, Ordered } from "./Builders.ts"

/** How often in a row a thread may die before it has built anything. */
const RESTARTS = 3

/**
 * How many requests a thread has at once, by the milliseconds that a batch takes. With one alone it is idle until the next
 * arrives. For batches that take long that matters little, and another thread may be free earlier.
 */
const QUICK = { below: 2, ahead: 16 }
const BRIEF = { below: 50, ahead: 2 }

/** How long the start of a thread may keep others from starting, in milliseconds. */
const TURN_MS = 10_000

/** A request that a thread was given. */
interface Flight {
  /** Its own, as ids of one run's loader are those of another's. */
  readonly id: number
  readonly ordered: Ordered
  /** Whether its run waits for it. */
  isWanted: boolean
  begun: number
}

/** The place of a thread, which another one takes if it dies. */
interface Seat {
  readonly number: number
  member: ThreadMember
  isOpen: boolean
  /** What it was given and has not answered, in its order. */
  flights: ReadonlyArray<Flight>
  /** Deaths since it built something. */
  deaths: number
}

/** @since 0.1.0 */
export interface ThreadPoolOptions {
  readonly start: MemberStart
  readonly threads: number
  /** How long a thread may take until it is ready. */
  readonly loading: Duration.Duration
  readonly fork: (effect: Effect.Effect<void>) => void
  /** What the starts of threads of all pools share, so that only so many start at once. */
  readonly starts: Effect.Semaphore
}

/** @since 0.1.0 */
export class ThreadPool {
  readonly #options: ThreadPoolOptions
  readonly #blocks: ThreadBlocks
  readonly #seats: ReadonlyArray<Seat>
  readonly #carries: boolean
  #orders: Array<Ordered> = []
  /** Who keeps what went well in a failed attempt at a batch, by its key. */
  readonly #kept = new Map<string, Seat>()
  /** The run that it builds for. */
  #events: BuilderEvents | undefined
  #ids = 0
  #isSound = false
  /** Milliseconds that a batch takes; none was built yet. */
  #usual: number | undefined
  #ended: Promise<void> | undefined
  /** Called while no run is attached, when the threads become idle or unusable. */
  #changed: (() => void) | undefined

  constructor(options: ThreadPoolOptions) {
    const { start, threads } = options
    this.#options = options
    this.#blocks = new ThreadBlocks(threads)
    this.#carries = start.policy?.carries !== undefined
    this.#seats = Array.from({ length: threads }, (_, number) => {
      const seat = { number, isOpen: false, flights: [], deaths: 0 }
      return Object.assign(seat, { member: this.#member(seat) })
    })
  }

  /** Starts its threads. Fails with an error whose message says why the run cannot be built. */
  readonly start: Effect.Effect<void, Error> = Effect.suspend(() =>
    Effect.forEach(
      this.#seats,
      (seat) =>
        Effect.tap(
          this.#started(seat),
          Effect.sync(() => this.#opened(seat))
        ),
      {
        concurrency: "unbounded",
        discard: true
      }
    )
  ).pipe(
    Effect.mapError(({ reason }) => new Error(reason)),
    Effect.tap(
      Effect.sync(() => {
        this.#isSound = true
      })
    )
  )

  /** Whether it can build for another run. */
  get isSound(): boolean {
    return this.#isSound && this.#seats.every(({ isOpen }) => isOpen)
  }

  /** Whether all its threads are idle. */
  get isFree(): boolean {
    return this.#seats.every(({ flights }) => flights.length === 0)
  }

  /** Waits until all its threads have answered: for ever, if one loops for ever. */
  readonly answers: Effect.Effect<void> = Effect.suspend(() =>
    Effect.forEach(this.#seats, ({ member }) => member.answers, { concurrency: "unbounded", discard: true })
  )

  /** Builds for a run, until {@link detach}. */
  attach(events: BuilderEvents): Builders {
    this.#events = events
    this.#changed = undefined
    return {
      add: (ordered) => {
        this.#orders.push(ordered)
        this.#give()
      },
      cancel: (id) => {
        this.#cancel(id)
      },
      kill: (id) => {
        const seat = this.#cancel(id)
        if (seat !== undefined && atHand(seat)?.ordered.id === id) this.#lost(seat, "it was not done in time")
      },
      drop: (key) => {
        this.#kept.delete(key)
        for (const { isOpen, member } of this.#seats) if (isOpen) member.send({ _tag: "Drop", key })
      },
      wake: () => this.#give()
    }
  }

  /** The run is over. `changed` is called when the threads become idle or unusable. */
  detach(changed: () => void): void {
    this.#events = undefined
    this.#changed = changed
    this.#orders = []
    for (const { flights } of this.#seats) for (const flight of flights) flight.isWanted = false
    for (const [key, { isOpen, member }] of this.#kept) if (isOpen) member.send({ _tag: "Drop", key })
    this.#kept.clear()
  }

  /** Ends its threads, whatever they are at. */
  end(): Promise<void> {
    this.#isSound = false
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    for (const { member } of this.#seats) member.close()
    await Promise.all(this.#seats.map(({ member }) => member.end()))
  }

  /** Starts a thread in its turn. One that takes long for that waits for something, and does not hold up others any more. */
  #started({ member }: Seat): Effect.Effect<void, NotStarted> {
    const { starts } = this.#options
    return Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        yield* restore(starts.take(1))
        const isStarted = yield* Deferred.make<void>()
        const turn = Effect.timeoutOption(Deferred.await(isStarted), TURN_MS)
        yield* Effect.forkDaemon(Effect.zipRight(Effect.interruptible(turn), starts.release(1)))
        yield* Effect.ensuring(restore(member.start), Deferred.succeed(isStarted, undefined))
      })
    )
  }

  #opened(seat: Seat): void {
    seat.isOpen = true
    seat.member.hold(false)
  }

  #member(seat: Omit<Seat, "member"> & { member?: ThreadMember }): ThreadMember {
    const { fork, loading, start } = this.#options
    const member: ThreadMember = new ThreadMember({
      start,
      thread: seat.number,
      queue: undefined,
      blocks: this.#blocks,
      debug: false,
      loading,
      logged: (own) => fork(logged(own)),
      events: {
        outcome: (id, outcome) => {
          const own = seat.member === member ? seat.flights.find((flight) => flight.id === id) : undefined
          if (own !== undefined)
            this.#outcome(seat as Seat, own, outcome) // it has its member
          else if (outcome._tag === "Built") outcome.discard()
          this.#give()
        },
        ended: (reason, refused) => {
          if (seat.member !== member) return
          if (refused) this.#failed(reason)
          else this.#lost(seat as Seat, reason) // it has its member
        }
      }
    })
    return member
  }

  #outcome(seat: Seat, own: Flight, outcome: Outcome): void {
    seat.flights = seat.flights.filter((flight) => flight !== own)
    const at = now()
    const [next] = seat.flights
    if (next !== undefined) next.begun = at
    const took = at - own.begun
    this.#usual = this.#usual === undefined ? took : this.#usual + (took - this.#usual) / 8
    seat.deaths = 0
    const key = batchKey(own.ordered.request)
    if (outcome._tag === "Failed" && this.#options.start.limits.careful) {
      if (own.isWanted) this.#kept.set(key, seat)
      else seat.member.send({ _tag: "Drop", key })
    }
    if (own.isWanted) this.#events?.answered(own.ordered.id, answerOf(outcome))
    else if (outcome._tag === "Built") outcome.discard()
    if (this.isFree) this.#changed?.()
  }

  /** Gives orders to threads that have room. */
  #give(): void {
    while (this.#orders.length > 0 && this.#events?.hasRoom() === true) {
      const place = this.#orders.findIndex(({ request }) => this.#seatFor(request) !== undefined)
      const [own] = place === -1 ? [] : this.#orders.splice(place, 1)
      const seat = own === undefined ? undefined : this.#seatFor(own.request)
      if (own === undefined || seat === undefined) return
      this.#kept.delete(batchKey(own.request))
      const flight: Flight = { id: this.#ids++, ordered: own, isWanted: true, begun: now() }
      seat.flights = [...seat.flights, flight]
      seat.member.send({ _tag: "Build", id: flight.id, request: own.request })
    }
  }

  /** How many requests a thread may have. */
  get #ahead(): number {
    if (this.#usual === undefined) return 1
    if (this.#usual < QUICK.below) return QUICK.ahead
    return this.#usual < BRIEF.below ? BRIEF.ahead : 1
  }

  /** The thread with the fewest requests that has room for one. */
  #seatFor(request: BatchRequest): Seat | undefined {
    const ahead = this.#ahead
    const hasRoom = ({ flights, isOpen }: Seat): boolean => isOpen && flights.length < ahead
    const pinned = this.#carries ? this.#seats[request.worker % this.#seats.length] : undefined
    const only = this.#kept.get(batchKey(request)) ?? pinned
    if (only !== undefined) return hasRoom(only) ? only : undefined
    let best: Seat | undefined
    for (const seat of this.#seats) {
      if (hasRoom(seat) && (best === undefined || seat.flights.length < best.flights.length)) best = seat
    }
    return best
  }

  /** Nobody wants a batch any more; returns the place of the thread that has it. */
  #cancel(id: number): Seat | undefined {
    const place = this.#orders.findIndex((own) => own.id === id)
    if (place !== -1) this.#orders.splice(place, 1)
    const has = ({ isWanted, ordered }: Flight): boolean => isWanted && ordered.id === id
    const seat = this.#seats.find(({ flights }) => flights.some(has))
    const flight = seat?.flights.find(has)
    if (flight !== undefined) flight.isWanted = false
    return seat
  }

  #lost(seat: Seat, reason: string): void {
    const at = atHand(seat)
    const { flights, member } = seat
    seat.isOpen = false
    seat.flights = []
    for (const [key, own] of this.#kept) if (own === seat) this.#kept.delete(key)
    if (this.#events === undefined) {
      this.#isSound = false
      this.#changed?.()
      return
    }
    // What it had not begun is built as if it had never been given away.
    this.#orders.unshift(...flights.filter((own) => own !== at && own.isWanted).map(({ ordered }) => ordered))
    if (at?.isWanted === true) {
      this.#events.answered(at.ordered.id, { _tag: "Lost", reason, stage: member.stage })
    }
    if (this.#carries) this.#failed(`a thread ended, and the streams that it carried with it: ${reason}`)
    else if (++seat.deaths > RESTARTS) this.#failed(reason)
    else this.#options.fork(this.#replace(seat))
    this.#give()
  }

  #failed(reason: string): void {
    this.#isSound = false
    if (this.#events === undefined) this.#changed?.()
    else this.#events.failed(reason)
  }

  #replace(seat: Seat): Effect.Effect<void> {
    return Effect.promise(() => seat.member.end()).pipe(
      Effect.flatMap(() => {
        if (this.#ended !== undefined) return Effect.void
        seat.member = this.#member(seat)
        return Effect.tap(
          this.#started(seat),
          Effect.sync(() => {
            // Nobody else would end a thread that has started after all were ended.
            if (this.#ended !== undefined) return void seat.member.end()
            this.#opened(seat)
            this.#give()
          })
        )
      }),
      Effect.catchAll(({ reason }) => Effect.sync(() => this.#failed(reason)))
    )
  }
}

/** The request that a thread is at: as it says itself, if it does. */
const atHand = ({ flights, member }: Seat): Flight | undefined => {
  const { current } = member
  return flights.find(({ id }) => id === current?.id) ?? flights[0]
}

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
