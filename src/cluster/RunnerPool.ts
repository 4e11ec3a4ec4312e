/**
 * A pool of runners that build a run's batches: any one that has room builds the next batch requested, the worker's owner
 * first. What a runner had that is gone is asked for elsewhere, and so is what one takes long for: the first answer counts.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type {
  BackendSettings,
  BatchCoordinates,
  Failure,
  OpenBackend,
  RequestedBatch
} from "../scheduler/backends/Backend.ts"
import { BackendError } from "../scheduler/backends/BackendError.ts"
import { nothingOf } from "../scheduler/backends/Fibers.ts"
import { BatchRequests } from "../scheduler/backends/remote/BatchRequests.ts"
import { CarriedRequests } from "../scheduler/backends/remote/CarriedRequests.ts"
import { now, type Outcome } from "../scheduler/backends/remote/Member.ts"
import { type MemberOptions, memberStart } from "../scheduler/backends/remote/MemberStart.ts"
import { known, PendingBatch, type PendingPool } from "../scheduler/backends/remote/PendingBatch.ts"
import { batchKey, type MemberStart } from "../scheduler/backends/remote/Protocol.ts"
import { SlowBatches } from "../scheduler/backends/remote/SlowBatches.ts"
import { rowsOf } from "../scheduler/build/RowRange.ts"
import { TypedFailure } from "../scheduler/build/Work.ts"
import type { RunPlan } from "../scheduler/plan/RunPlan.ts"
import { Backlog } from "./Backlog.ts"
import { BodyMemory } from "./BodyMemory.ts"
import { Deaths } from "./Deaths.ts"
import { Demand } from "./Demand.ts"
import { hedge } from "./Hedge.ts"
import { type Reaching, RunnerMember } from "./RunnerMember.ts"
import { MOST_CARRIED } from "./RunnerMessages.ts"
import { RunnerSeats } from "./RunnerSeats.ts"
import type { Service } from "./Runners.ts"
import type { Ending, Flight, Seat } from "./Seat.ts"
import { SeatChoice } from "./SeatChoice.ts"

/** @since 0.1.0 */
export interface RunnerPoolOptions extends Reaching, MemberOptions {
  readonly runners: Service
  /** How often something may die that is building a batch. */
  readonly restarts: number
  readonly timeout: Duration.Duration | undefined
  /** After how many milliseconds at least another runner is asked for a batch; `undefined`: never. */
  readonly hedge: number | undefined
  /** How long the run may be without any runner. */
  readonly wait: Duration.Duration
  /** How many bytes of batches may have come and not been taken before nothing more is read. */
  readonly prefetchBytes: number
}

/** Batches below so many milliseconds are requested so many per thread ahead: fewer than the default prefetch, so that requests leave together. */
const QUICK_MS = 2
const QUICK_DEPTH = 12

/** Opens a pool, and waits until one of its runners is ready. @since 0.1.0 */
export const open = (
  runPlan: RunPlan,
  settings: BackendSettings,
  options: RunnerPoolOptions
): Effect.Effect<OpenBackend, BackendError, Scope.Scope> =>
  Effect.gen(function* () {
    const fork = yield* FiberSet.makeRuntime<never>()
    const pool = new RunnerPool(runPlan, settings, options, (effect) => {
      fork(Effect.interruptible(effect))
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => pool.end()))
    yield* pool.start
    return pool
  })

class RunnerPool implements OpenBackend {
  readonly #runPlan: RunPlan
  readonly #options: RunnerPoolOptions
  readonly #start: MemberStart
  readonly #requests: BatchRequests
  readonly #memory: BodyMemory
  readonly #list: RunnerSeats
  readonly #pending = new Map<number, PendingBatch>()
  readonly #backlog = new Backlog()
  readonly #deaths: Deaths
  readonly #choice: SeatChoice
  readonly #forPending: PendingPool
  readonly #fork: (effect: Effect.Effect<void>) => void
  readonly #replaced: () => void
  readonly #demand: Demand
  #ids = 0
  #isEnding = false
  /** Since when there is no runner. */
  #without: number | undefined
  /** Milliseconds that a batch takes, from when it is begun until it is here. */
  #usual = 0

  constructor(
    runPlan: RunPlan,
    settings: BackendSettings,
    options: RunnerPoolOptions,
    fork: (effect: Effect.Effect<void>) => void
  ) {
    const { failures, observer, replaced = () => undefined, times } = settings
    this.#runPlan = runPlan
    this.#options = options
    this.#start = memberStart(runPlan, settings, options)
    this.#requests = new BatchRequests(runPlan, observer)
    this.#memory = new BodyMemory(options.prefetchBytes)
    this.#fork = fork
    this.#replaced = replaced
    this.#list = new RunnerSeats({
      ...options,
      fork,
      member: (seat) => this.#member(seat),
      opened: (seat) => this.#opened(seat),
      gone: (seat, reason, ending) => this.#gone(seat, reason, ending),
      asked: (seat, process) => {
        if (this.#deaths.asked(seat, process) && !this.#isEnding) this.#flush()
      }
    })
    this.#deaths = new Deaths({
      restarts: options.restarts,
      lose: (pending, reason, stage) => this.#lose(pending, reason, stage),
      acquitted: (pending) => this.#choice.release(pending)
    })
    this.#choice = new SeatChoice({
      list: this.#list,
      deaths: this.#deaths,
      runPlan,
      runners: options.runners
    })
    const { prefetchBytes: most, timing } = options
    this.#demand = new Demand({ seats: () => this.#seats, most, every: timing.look, look: () => this.#look() })
    this.#forPending = {
      runPlan,
      failures,
      times,
      backend: "cluster",
      module: options.module,
      timeout: options.timeout,
      wanted: (pending) => this.#demand.want(pending),
      slow: new SlowBatches("cluster", fork),
      forget: (pending) => this.#forget(pending),
      retry: (pending) => this.#retry(pending),
      left: ({ id }, limit) => {
        const since = Math.min(...this.#at(id).map((seat) => seat.sent.get(id)?.begun ?? Number.POSITIVE_INFINITY))
        return since === Number.POSITIVE_INFINITY ? limit : limit - (now() - since)
      },
      replace: (pending, reason) => this.#late(pending, reason),
      stage: () => undefined,
      observe: (request, seeds) => this.#requests.observe(request, seeds),
      drop: ({ by, request }) => by?.send({ _tag: "Drop", key: batchKey(request) })
    }
  }

  /** Connects to the runners, and waits for the first. */
  readonly start: Effect.Effect<void, BackendError> = Effect.suspend(() => {
    this.#fork(this.#list.follow)
    return Effect.mapError(this.#list.first(this.#options.wait), (reason) => {
      const { module } = this.#options
      return new BackendError({ backend: "cluster", module, reason })
    })
  })

  end(): void {
    this.#isEnding = true
    this.#forPending.slow.end()
    this.#demand.end()
    for (const { member } of this.#seats) void member?.end()
  }

  readonly request = ({ batch, epoch, worker }: BatchCoordinates, arrived: () => void): RequestedBatch => {
    try {
      const range = rowsOf(this.#runPlan, worker, epoch, batch)
      if (range === undefined || range.size === 0) return known(Effect.succeed(nothingOf(range)), nothingOf(range))
      const pending = new PendingBatch(this.#forPending, this.#ids++, this.#requests.make(worker, range), arrived)
      this.#pending.set(pending.id, pending)
      this.#dispatch(pending)
      return pending
    } catch (thrown) {
      // What requests throw as a TypedFailure is a Failure.
      return known(TypedFailure.is(thrown) ? Effect.fail(thrown.error as Failure) : Effect.die(thrown))
    }
  }

  readonly poll = (): void => undefined

  get #seats(): ReadonlyArray<Seat> {
    return this.#list.seats
  }

  get #carries(): boolean {
    return this.#runPlan.policy?.carries !== undefined
  }

  /** The seats that a request was sent to. */
  #at(id: number): ReadonlyArray<Seat> {
    return this.#list.index.at(id)
  }

  #member(seat: Seat): RunnerMember {
    const member: RunnerMember = new RunnerMember({
      ...this.#options,
      runner: seat.info,
      start: this.#start,
      memory: this.#memory,
      events: {
        outcome: (id, outcome) => this.#outcome(seat, member, id, outcome),
        lost: (id, reason, stage) => this.#lost(seat, id, reason, stage),
        draining: () => {
          seat.isDraining = true
          this.#leaveIfDone(seat)
        },
        ended: (reason, broke) => seat.leave?.(reason, broke ? "broken" : "failed"),
        held: (bytes) => this.#demand.held(bytes)
      }
    })
    return member
  }

  #opened(seat: Seat): void {
    this.#without = undefined
    if (this.#carries) {
      seat.carried = new CarriedRequests({
        runPlan: this.#runPlan,
        requests: this.#requests,
        newId: () => this.#ids++,
        send: (pending) => this.#send(seat, pending),
        sendAgain: (id, request) => seat.member?.send({ _tag: "Build", id, request }),
        fork: this.#fork,
        failed: (pending, reason) => this.#lose(pending, reason, undefined),
        most: MOST_CARRIED
      })
    }
    this.#demand.opened(seat)
    this.#flush()
  }

  #gone(seat: Seat, reason: string, ending: Ending): void {
    if (this.#isEnding) return
    const { begun, died, others } = seat.clear()
    seat.carried?.restart()
    this.#choice.unpin(seat)
    const suspects = ending === "clean" ? [] : begun.map(({ pending }) => pending)
    if (suspects.length > 0) this.#replaced()
    if (ending === "broken") this.#deaths.doubt(seat, suspects, reason)
    else for (const pending of suspects) this.#deaths.charge(pending, reason, undefined)
    if (ending !== "clean") {
      const fate = this.#deaths.fateOf(died ?? suspects[0])
      this.#fork(Effect.logWarning(`backend cluster lost runner ${seat.address}: ${reason}; ${fate}`))
      // It may have built any that it was sent: an attempt is counted rather than missed.
      for (const { pending } of others) pending.replaced++
    }
    for (const flight of [...begun, ...others]) this.#askElsewhere(flight)
    if (!this.#seats.some(({ isOpen }) => isOpen)) this.#without = now()
    this.#flush()
  }

  /** What built a batch at a runner died at it. */
  #lost(seat: Seat, id: number, reason: string, stage: string | undefined): void {
    const flight = seat.answer(id)
    if (flight === undefined) return
    if (this.#carries) seat.died = flight.pending
    this.#replaced()
    this.#deaths.charge(flight.pending, reason, stage)
    this.#askElsewhere(flight)
    this.#flush()
  }

  #lose(pending: PendingBatch, reason: string, stage: string | undefined): void {
    if (this.#pending.get(pending.id) !== pending) return
    this.#takeBack(pending.id, false)
    this.#settle(pending, { _tag: "Lost", reason, stage })
  }

  /** It is sent with the next {@link #flush}: of several, all are put in their order before one is sent. */
  #askElsewhere({ id, pending }: Flight): void {
    if (this.#pending.get(id) === pending && this.#at(id).length === 0) this.#backlog.add(pending)
  }

  /** A batch was not done in time: charged with a reason, or for the failure policy without one. */
  #late(pending: PendingBatch, reason: string | undefined): void {
    const { id } = pending
    const at = this.#at(id)
    if (at.length === 0) return
    this.#replaced()
    if (reason === undefined) pending.replaced++
    // Only the end of its session ends streams.
    if (this.#carries) {
      for (const seat of at)
        seat.leave?.(reason ?? "a batch was not done in time", reason === undefined ? "clean" : "failed")
      return
    }
    this.#takeBack(id, true)
    if (reason !== undefined) {
      this.#deaths.charge(pending, reason, undefined)
      if (this.#pending.get(id) === pending) this.#dispatch(pending)
    }
    this.#flush()
  }

  /** No answer to a request is wanted any more. */
  #takeBack(id: number, kill: boolean): void {
    for (const seat of this.#at(id)) {
      seat.remove(id)
      seat.member?.cancel(id, kill)
      this.#leaveIfDone(seat)
    }
    this.#backlog.remove(id)
  }

  #outcome(seat: Seat, member: RunnerMember, id: number, outcome: Outcome): void {
    if (seat.carried?.takes(id, outcome) === true) return
    const flight = seat.answer(id)
    const pending = this.#pending.get(id)
    if (flight === undefined || pending === undefined) {
      if (outcome._tag === "Built") outcome.discard()
    } else {
      if (flight.begun !== undefined) this.#usual += (now() - flight.begun - this.#usual) / 8
      seat.depth = this.#usual < QUICK_MS ? QUICK_DEPTH : 2
      pending.by = member
      this.#takeBack(id, false)
      this.#settle(pending, outcome)
    }
    this.#leaveIfDone(seat)
    this.#flush()
  }

  /** A runner that takes no more requests is left once it has answered those that it had. */
  #leaveIfDone(seat: Seat): void {
    if (seat.isDraining && seat.sent.size === 0) seat.leave?.("it was draining", "clean")
  }

  #settle(pending: PendingBatch, outcome: Parameters<PendingBatch["settle"]>[0]): void {
    this.#forget(pending)
    pending.settle(outcome)
  }

  #forget(pending: PendingBatch): void {
    this.#choice.forget(pending)
    this.#pending.delete(pending.id)
    this.#demand.forget(pending)
  }

  /** The runner that made the last attempt keeps what went well in it. */
  #retry(pending: PendingBatch): void {
    // What comes of an earlier attempt is not what comes of this one.
    pending.id = this.#ids++
    this.#pending.set(pending.id, pending)
    const seat = this.#seats.find(({ isOpen, member }) => isOpen && member === pending.by)
    if (seat === undefined) this.#dispatch(pending)
    else this.#send(seat, pending)
  }

  #dispatch(pending: PendingBatch): void {
    if (this.#isEnding) return
    this.#backlog.add(pending)
    this.#flush()
  }

  #send(seat: Seat, pending: PendingBatch): void {
    seat.sent.get(pending.id) ?? seat.add(pending.id, pending)
    seat.mark()
    seat.member?.send({ _tag: "Build", id: pending.id, request: pending.request })
  }

  /** Sends what waits to runners that have room. */
  #flush(): void {
    this.#backlog.send(
      (pending) => this.#choice.seatFor(pending),
      (seat, pending) => {
        if (seat.carried === undefined) this.#send(seat, pending)
        else {
          seat.add(pending.id, pending)
          seat.carried.add(pending)
          seat.carried.send()
        }
      }
    )
  }

  /** Asks other runners for what takes long, and gives up if there is no runner for too long. */
  #look(): void {
    const { hedge: after, wait } = this.#options
    if (this.#without !== undefined && this.#demand.waits && now() - this.#without > this.#list.patience(wait)) {
      const reason = this.#list.nobody(wait)
      for (const pending of [...this.#pending.values()]) this.#lose(pending, reason, undefined)
    }
    if (after === undefined || this.#carries) return
    hedge(this.#seats, { after, usual: this.#usual }, (other, { pending }) => {
      pending.replaced++
      this.#replaced()
      this.#send(other, pending)
    })
    this.#flush()
  }
}
