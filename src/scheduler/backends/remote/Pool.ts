/**
 * A pool of members (threads, processes) that build a run's batches: any free one builds the next batch requested, since
 * a batch is a function of its coordinates. A member that is slow or dead holds up only the batch that it is at. Where a
 * policy carries streams, the batches of a worker are built in order by one member: worker w by member w mod size.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { type RowRange, rowsOf } from "../../build/RowRange.ts"
import type { StreamRows } from "../../build/StreamRows.ts"
import { TypedFailure } from "../../build/Work.ts"
import type { RunPlan } from "../../plan/RunPlan.ts"
import type { BackendSettings, BatchCoordinates, Failure, OpenBackend, RequestedBatch } from "../Backend.ts"
import { BackendError } from "../BackendError.ts"
import { nothingOf } from "../Fibers.ts"
import { openStream } from "../StreamBackend.ts"
import { Backlog } from "./Backlog.ts"
import { BatchRequests } from "./BatchRequests.ts"
import { CarriedRequests } from "./CarriedRequests.ts"
import { type Member, type MemberEvents, type NotStarted, now, type Outcome, type RequestQueue } from "./Member.ts"
import { known, type Lost, PendingBatch, type PendingPool, spent, warn } from "./PendingBatch.ts"
import { batchKey } from "./Protocol.ts"
import { freest, type Seat } from "./Seat.ts"
import { SlowBatches } from "./SlowBatches.ts"
import { StreamedRequests } from "./StreamedRequests.ts"

/** @since 0.1.0 */
export interface PoolOptions {
  /** The name of the backend, for errors. */
  readonly backend: string
  /** The module of the pipeline, for errors. */
  readonly module: string
  /** How many members. */
  readonly size: number
  /** How often members are replaced that died or hung at batches of one worker, or without a batch. */
  readonly restarts: number
  /** How long a member may be at a batch before it is replaced. */
  readonly timeout: Duration.Duration | undefined
  /** Opens the member of a number, from 0. */
  readonly member: (number: number, events: MemberEvents) => Member
  /** What all members take requests from; without it, each is sent one as it becomes free. */
  readonly queue?: RequestQueue | undefined
}

/** Opens a pool and starts its members, which end with the scope. @since 0.1.0 */
export const open = (
  runPlan: RunPlan,
  settings: BackendSettings,
  options: PoolOptions
): Effect.Effect<OpenBackend, BackendError, Scope.Scope> =>
  Effect.gen(function* () {
    const stream = yield* openStream(runPlan, settings)
    const fork = yield* FiberSet.makeRuntime<never>()
    const pool = new Pool(runPlan, settings, { ...options, stream }, (effect) => fork(Effect.interruptible(effect)))
    yield* Effect.addFinalizer(() => pool.end)
    yield* pool.start
    return pool
  })

class Pool implements OpenBackend {
  readonly #runPlan: RunPlan
  readonly #options: PoolOptions
  readonly #requests: BatchRequests
  readonly #seats: ReadonlyArray<Seat>
  /** How many more members may die at batches of a worker. */
  readonly #restarts = new Map<number, number>()
  readonly #pending = new Map<number, PendingBatch>()
  /** Requests that no member has and that are not in the queue. */
  readonly #backlog = new Backlog()
  /** The requests of a stream's batches, which wait for their rows. */
  readonly #streamed: StreamedRequests | undefined
  readonly #forPending: PendingPool
  readonly #fork: (effect: Effect.Effect<void>) => void
  /** How many requests somebody waits for. */
  #wanted = 0
  /** The member that the process stays alive for. */
  #held: Member | undefined
  readonly #replaced: () => void
  #isEnding = false
  #ids = 0
  /** Why no member can build batches. */
  #refused: string | undefined

  constructor(
    runPlan: RunPlan,
    { failures, observer, replaced = () => undefined, times }: BackendSettings,
    { stream, ...options }: PoolOptions & { readonly stream: StreamRows | undefined },
    fork: (effect: Effect.Effect<void>) => void
  ) {
    this.#runPlan = runPlan
    this.#options = options
    this.#requests = new BatchRequests(runPlan, observer)
    this.#fork = fork
    this.over = stream?.over
    if (stream !== undefined) this.#streamed = new StreamedRequests({ stream, fork, requested: this.#requested })
    if (options.queue !== undefined) options.queue.onRoom = () => this.#flush()
    this.#replaced = replaced
    this.#seats = Array.from({ length: options.size }, (_, number) => this.#seat(number))
    this.#forPending = {
      runPlan,
      failures,
      times,
      backend: options.backend,
      module: options.module,
      timeout: options.timeout,
      slow: new SlowBatches(options.backend, fork),
      wanted: (pending) => {
        pending.isWanted = true
        this.#wanted++
        this.#hold()
        if (this.#isEnding) return
        this.#options.queue?.want(pending.id)
        this.#options.queue?.watch(true)
        this.#flush()
      },
      forget: (pending) => this.#forget(pending),
      retry: (pending) => this.#retry(pending),
      left: (pending, limit) => limit - (now() - (this.#seatAt(pending)?.member.current?.since ?? now())),
      replace: (pending, reason) => {
        const seat = this.#seatAt(pending)
        if (seat !== undefined) this.#fork(this.#replace(seat, seat.member, reason, pending))
      },
      stage: (pending) => this.#seatAt(pending)?.member.stage,
      observe: (request, seeds) => this.#requests.observe(request, seeds),
      drop: ({ by, request }) => by?.send({ _tag: "Drop", key: batchKey(request) })
    }
  }

  /** Starts the first member; the others start beside its first batches, which would wait for the cores that they take. */
  readonly start: Effect.Effect<void, BackendError> = Effect.suspend(() => {
    const first = this.#seats[0] as Seat // a pool has one at least
    const opened = (): void => {
      this.#opened(first)
      for (const seat of this.#seats.slice(1)) this.#fork(this.#fill(seat))
    }
    return Effect.mapBoth(first.member.start, {
      onFailure: ({ reason }) => this.#notStarted(0, reason),
      onSuccess: opened
    })
  })

  /** Ends all members, whatever they are at: all are told before one is waited for. */
  readonly end: Effect.Effect<void> = Effect.promise(async () => {
    this.#isEnding = true
    this.#forPending.slow.end()
    for (const { member } of this.#seats) member.close()
    this.#options.queue?.close()
    await Promise.all(this.#seats.map(({ member }) => member.end()))
  })

  readonly request = (coordinates: BatchCoordinates, arrived: () => void): RequestedBatch => {
    if (this.#streamed !== undefined) return this.#streamed.request(coordinates, arrived)
    const { batch, epoch, worker } = coordinates
    return this.#requested(worker, () => rowsOf(this.#runPlan, worker, epoch, batch), arrived)
  }

  readonly #requested = (worker: number, rows: () => RowRange | undefined, arrived: () => void): RequestedBatch => {
    try {
      const range = rows()
      if (range === undefined || range.size === 0) return known(Effect.succeed(nothingOf(range)), nothingOf(range))
      const request = this.#requests.make(worker, range)
      const pending = new PendingBatch(this.#forPending, this.#ids++, request, arrived, range)
      this.#pending.set(pending.id, pending)
      this.#dispatch(pending)
      return pending
    } catch (thrown) {
      // What requests throw as a TypedFailure is a Failure.
      return known(TypedFailure.is(thrown) ? Effect.fail(thrown.error as Failure) : Effect.die(thrown))
    }
  }

  readonly poll = (): void => this.#options.queue?.poll()

  readonly over: OpenBackend["over"]

  #notStarted(worker: number, reason: string): BackendError {
    const { backend, module } = this.#options
    return new BackendError({ backend, worker, module, epoch: undefined, batch: undefined, stage: undefined, reason })
  }

  get #carries(): boolean {
    return this.#runPlan.policy?.carries !== undefined
  }

  #seat(number: number): Seat {
    const { restarts } = this.#options
    const seat: Omit<Seat, "member"> = {
      number,
      isOpen: false,
      gone: undefined,
      lost: undefined,
      restarts,
      sent: new Map(),
      carried: this.#carries
        ? new CarriedRequests({
            runPlan: this.#runPlan,
            requests: this.#requests,
            newId: () => this.#ids++,
            send: (pending) => this.#send(whole, pending),
            sendAgain: (id, request) => whole.member.send({ _tag: "Build", id, request }),
            fork: this.#fork,
            failed: (pending, reason) => this.#settle(pending, { _tag: "Lost", reason, stage: undefined })
          })
        : undefined
    }
    const whole: Seat = Object.assign(seat, { member: this.#member(seat, number) })
    return whole
  }

  /** Opens a member for a seat; what one that was replaced still says is not heard. */
  #member(seat: Omit<Seat, "member"> & { member?: Member }, number: number): Member {
    const member: Member = this.#options.member(number, {
      outcome: (id, outcome) => {
        if (seat.member === member && seat.carried?.takes(id, outcome) === true) return
        seat.sent.delete(id)
        const pending = this.#pending.get(id)
        if (seat.member === member && pending !== undefined) {
          pending.by = member
          this.#settle(pending, outcome)
        } else if (outcome._tag === "Built") outcome.discard()
        this.#flush()
      },
      ended: (reason, refused) => {
        if (seat.member !== member) return
        if (refused) this.#refuse(reason)
        else if (seat.isOpen)
          this.#fork(this.#replace(seat as Seat, member, reason)) // it has its member
        else seat.gone = { member, reason }
      }
    })
    return member
  }

  #settle(pending: PendingBatch, outcome: Outcome | Lost): void {
    this.#forget(pending)
    pending.settle(outcome)
  }

  #forget(pending: PendingBatch): void {
    this.#pending.delete(pending.id)
    if (!pending.isWanted) return
    pending.isWanted = false
    this.#wanted--
    if (this.#wanted === 0) this.#options.queue?.watch(false)
    this.#hold()
  }

  /** From now on nothing is built. */
  #refuse(reason: string): void {
    this.#refused ??= reason
    for (const pending of this.#pending.values()) this.#settle(pending, { _tag: "Lost", reason, stage: undefined })
  }

  /** The process stays alive for one member as long as somebody waits for a batch. */
  #hold(): void {
    const held = this.#wanted === 0 ? undefined : this.#seats.find(({ isOpen }) => isOpen)?.member
    if (held === this.#held) return
    this.#held?.hold(false)
    held?.hold(true)
    this.#held = held
  }

  #dispatch(pending: PendingBatch): void {
    if (this.#refused !== undefined) {
      this.#settle(pending, { _tag: "Lost", reason: this.#refused, stage: undefined })
    } else if (this.#carries) {
      const seat = this.#seats[pending.request.worker % this.#seats.length] as Seat // below the length
      seat.carried?.add(pending)
      if (seat.isOpen) seat.carried?.send()
    } else if (!this.#isQueued(pending)) {
      this.#backlog.add(pending)
      this.#flush()
    }
  }

  #isQueued({ id, request }: PendingBatch): boolean {
    return (request.left?.length ?? 0) === 0 && this.#options.queue?.put(id, request) === true
  }

  #send(seat: Seat, pending: PendingBatch): void {
    seat.sent.set(pending.id, pending)
    seat.member.send({ _tag: "Build", id: pending.id, request: pending.request })
  }

  /** Sends what waits to members that are free. */
  #flush(): void {
    // A member that has the samples of its next batch goes on with it at once.
    const most = this.#streamed === undefined ? 1 : 2
    for (;;) {
      const seat = freest(this.#seats, most)
      const pending = seat && this.#backlog.take(this.#options.queue?.isFull === true)
      if (seat === undefined || pending === undefined) return
      this.#send(seat, pending)
    }
  }

  /** The member that made the last attempt keeps what went well in it. */
  #retry(pending: PendingBatch): void {
    // What comes of an earlier attempt is not what comes of this one.
    pending.id = this.#ids++
    this.#pending.set(pending.id, pending)
    const seat = this.#seats.find(({ isOpen, member }) => isOpen && member === pending.by)
    if (seat === undefined) this.#dispatch(pending)
    else this.#send(seat, pending)
  }

  /** Returns the seat of the member that is building a batch. */
  #seatAt({ id }: PendingBatch): Seat | undefined {
    return this.#seats.find(({ isOpen, member }) => isOpen && member.current?.id === id)
  }

  #opened(seat: Seat): void {
    seat.isOpen = true
    const { gone, member } = seat
    seat.gone = undefined
    if (gone?.member === member) {
      this.#fork(this.#replace(seat, member, gone.reason))
      return
    }
    member.hold(false)
    this.#hold()
    seat.carried?.send()
    this.#flush()
    this.#options.queue?.wake()
  }

  /** Replaces a member that has died, or is to end: charged to `restarts` if there is a reason. */
  #replace(seat: Seat, member: Member, reason: string | undefined, at?: PendingBatch): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      if (!seat.isOpen || seat.member !== member) return
      seat.isOpen = false
      const { queue } = this.#options
      const { current, stage } = member
      queue?.poll()
      if (at !== undefined) at.replaced++
      yield* Effect.promise(() => member.end())
      queue?.poll()
      const had = [...(queue?.takeBack(seat.number) ?? []), ...seat.sent.keys()].flatMap(
        (id) => this.#pending.get(id) ?? []
      )
      seat.sent.clear()
      seat.carried?.restart()
      const atHand = at ?? had.find(({ id }) => id === current?.id) ?? (current === undefined ? had[0] : undefined)
      if (reason !== undefined && !this.#mayRestart(seat, atHand)) {
        if (atHand === undefined) return yield* this.#lose(seat, spent(reason, this.#options.restarts))
        this.#settle(atHand, { _tag: "Lost", reason: spent(reason, this.#options.restarts), stage })
      } else {
        if (atHand !== undefined && at === undefined) atHand.replaced++
        this.#replaced()
        if (reason !== undefined) yield* warn(this.#options.backend, seat.number, reason, atHand)
      }
      // Any other member may build them meanwhile.
      for (const pending of had) if (this.#pending.has(pending.id)) this.#dispatch(pending)
      seat.member = this.#member(seat, seat.number)
      yield* this.#fill(seat)
    })
  }

  /** Starts the member of a seat, and another one for each that dies meanwhile, as often as members may be replaced. */
  #fill(seat: Seat): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      // Nobody would end a member that starts after all were ended.
      while (!this.#isEnding) {
        const failure = yield* Effect.match(seat.member.start, {
          onFailure: (own: NotStarted) => own,
          onSuccess: () => undefined
        })
        if (failure === undefined) return this.#opened(seat)
        if (!failure.died || !this.#mayRestart(seat, undefined)) return yield* this.#lose(seat, failure.reason)
        this.#replaced()
        seat.member = this.#member(seat, seat.number)
      }
    })
  }

  /** Charges a death to the worker of the batch that the member was at, or to its seat if it was at none. */
  #mayRestart(seat: Seat, atHand: PendingBatch | undefined): boolean {
    if (atHand === undefined) return seat.restarts-- > 0
    const { worker } = atHand.request
    const left = this.#restarts.get(worker) ?? this.#options.restarts
    this.#restarts.set(worker, left - 1)
    return left > 0
  }

  /** A member is not replaced any more. Others build on; without one, nothing is built. */
  #lose(seat: Seat, reason: string): Effect.Effect<void> {
    seat.lost = reason
    this.#hold()
    if (!this.#carries && this.#seats.some(({ lost }) => lost === undefined)) {
      return Effect.logWarning(`backend ${this.#options.backend} goes on with one member fewer: ${reason}`)
    }
    this.#refuse(reason)
    return Effect.void
  }
}
