/**
 * Keeps connections to all runners that are listed: one that ends, or does not come about, is tried again from time to time.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { after } from "../core/runtime.ts"
import { shown } from "../core/Show.ts"
import { type NotStarted, now } from "../scheduler/backends/remote/Member.ts"
import type { RunnerMember } from "./RunnerMember.ts"
import { type RunnerInfo, RunnersError, type Service } from "./Runners.ts"
import { type Ending, Seat } from "./Seat.ts"
import { SeatIndex } from "./SeatIndex.ts"
import type { Timing } from "./Timing.ts"

/** How many runners are named in an error. */
const TOLD = 5

/** How many milliseconds a run waits for its first runner before it logs that. */
const SILENT = 2000

/** How often it is looked whether it has waited long enough. */
const LOOK = "50 millis"

/** Both ways: the package has no `pipelines/`. */
const START = "start one (Runner.listen, or pipelines/runner.ts of the repository)"

/** @since 0.1.0 */
export interface RunnerSeatsOptions {
  readonly runners: Service
  readonly timing: Pick<Timing, "rest">
  /** How long a runner may load. */
  readonly loading: Duration.Duration
  readonly member: (seat: Seat) => RunnerMember
  readonly fork: (effect: Effect.Effect<void>) => void
  /** A runner is ready. */
  readonly opened: (seat: Seat) => void
  /** A runner is not there any more. */
  readonly gone: (seat: Seat, reason: string, ending: Ending) => void
  /** A runner was asked again, or will not be any more: the id of the process that has answered. */
  readonly asked: (seat: Seat, process: string | undefined) => void
}

/** @since 0.1.0 */
export class RunnerSeats {
  readonly #options: RunnerSeatsOptions
  readonly #seats = new Map<string, Seat>()
  /** Of those that were listed: some may have other ids by now. */
  #byId: ReadonlyMap<string, Seat> = new Map()
  /** All of them. */
  seats: ReadonlyArray<Seat> = []
  readonly index = new SeatIndex<Seat>()
  /** Why the list is not known, or is not up to date. */
  #trouble: string | undefined
  #isKnown = false
  /** Whether the list was never known, and it is no use to wait for it. */
  #isHopeless = false
  /** Is called when the state of a runner, or the list, has changed. */
  #changed: (() => void) | undefined

  constructor(options: RunnerSeatsOptions) {
    this.#options = options
  }

  /** The seat of a runner, by the id that it is listed with. */
  byId(id: string | undefined): Seat | undefined {
    const seat = id === undefined ? undefined : this.#byId.get(id)
    return seat?.info.id === id ? seat : undefined
  }

  /** What is the matter with each runner that is not used. */
  get #troubles(): ReadonlyArray<string> {
    const own = [...this.#seats.values()].filter(({ isOpen }) => !isOpen)
    const all = own.map((seat) => `runner ${seat.address}: ${whyNot(seat)}`)
    return this.#trouble === undefined ? all : [this.#trouble, ...all]
  }

  /** Waits for the first runner that is ready; fails with the reason why there is none. */
  first(wait: Duration.Duration): Effect.Effect<void, string> {
    const first = Effect.async<void, string>((resume) => {
      this.#changed = () => {
        if (this.seats.some(({ isOpen }) => isOpen)) resume(Effect.void)
        else if (this.#isHopeless) resume(Effect.fail(this.#trouble ?? ""))
        else if (this.#options.runners.isFixed === true && this.#haveAllRefused)
          resume(Effect.fail(this.#reasonOf("no runner can build this run")))
      }
      this.#changed()
    })
    return Effect.raceFirst(
      first,
      Effect.flatMap(this.#without(wait), () => Effect.fail(this.nobody(wait)))
    ).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          this.#changed = undefined
        })
      )
    )
  }

  /** How many milliseconds a run may be without a runner that is ready: one that loads is there, and `loading` says how long it may. */
  patience(wait: Duration.Duration): number {
    return Duration.toMillis(wait) + (this.#isLoading ? Duration.toMillis(this.#options.loading) : 0)
  }

  /** Waits until a run that has no runner from now on is to be given up; logs before, if it is long, that it waits. */
  #without(wait: Duration.Duration): Effect.Effect<void> {
    return Effect.suspend(() => {
      const since = now()
      let isTold = false
      // One clock for both: a process that was stopped in between logs first, and then fails.
      const look = Effect.suspend(() => {
        const passed = now() - since
        const isOver = passed >= this.patience(wait)
        if (isTold || passed < SILENT) return Effect.succeed(isOver)
        isTold = true
        return Effect.as(this.#tell(wait), isOver)
      })
      return Effect.asVoid(Effect.repeat(Effect.zipRight(Effect.sleep(LOOK), look), { until: (isOver) => isOver }))
    })
  }

  #tell(wait: Duration.Duration): Effect.Effect<void> {
    return Effect.logInfo(
      `backend cluster waits for a runner, for ${Duration.format(wait)} in all (${this.#whyNone})${this.#isLoading || this.#haveAllRefused ? "" : `; ${START}`}`
    )
  }

  /** That there is no runner, what is the matter with each, and the way out. */
  nobody(wait: Duration.Duration): string {
    const which = this.#haveAllRefused ? "no runner that can build this run" : "no runner"
    return this.#reasonOf(`${which} has been there for ${Duration.format(wait)}`)
  }

  #reasonOf(what: string): string {
    // What a runner that refuses says has the way out.
    if (this.#haveAllRefused) return `${what} (${this.#whyNone})`
    const raise = "raise the option `wait`"
    return `${what} (${this.#whyNone}); ${this.#isLoading ? raise : `${START}, or ${raise}`}`
  }

  /** Whether a runner is there, and will be ready later. */
  get #isLoading(): boolean {
    return [...this.#seats.values()].some(isLoading)
  }

  /** What is the matter with each runner, or with the list. */
  get #whyNone(): string {
    const troubles = this.#troubles
    const { place = "the service Runners" } = this.#options.runners
    if (troubles.length === 0) return this.#isKnown ? `none is listed in ${place}` : `${place} has not answered yet`
    const more = troubles.length > TOLD ? `; and ${troubles.length - TOLD} more` : ""
    return troubles.slice(0, TOLD).join("; ") + more
  }

  /** Whether all runners of the list have refused for good. */
  get #haveAllRefused(): boolean {
    const all = [...this.#seats.values()]
    return this.#isKnown && all.length > 0 && all.every((seat) => seat.isRefused)
  }

  /** Follows the list for ever; the last one stays while it cannot be read. */
  readonly follow: Effect.Effect<void> = Effect.suspend(() =>
    Stream.runForEach(this.#options.runners.changes, (list) => Effect.sync(() => this.#listed(list))).pipe(
      Effect.catchAllCause((cause) =>
        Effect.suspend(() => {
          const isNew = this.#trouble === undefined
          const error = Cause.squash(cause)
          this.#trouble = shown(error)
          this.#isHopeless = !this.#isKnown && error instanceof RunnersError && error.isLasting === true
          this.#changed?.()
          const rest = resting(this.#options.timing.rest.longest, () => undefined)
          const said = Effect.logWarning(`backend cluster goes on with the runners that it knows: ${this.#trouble}`)
          return Effect.zipRight(isNew ? said : Effect.void, Effect.zipRight(rest, this.follow))
        })
      )
    )
  )

  #listed(list: ReadonlyArray<RunnerInfo>): void {
    this.#trouble = undefined
    this.#isKnown = true
    this.#isHopeless = false
    const addresses = new Set<string>()
    for (const info of list) {
      const address = `${info.host}:${info.port}`
      addresses.add(address)
      const seat = this.#seats.get(address)
      if (seat === undefined) this.#add(address, info)
      else {
        seat.isListed = true
        // Another process is there now.
        if (seat.info.id !== info.id) seat.wake?.()
        seat.info = info
      }
    }
    for (const seat of this.#seats.values()) {
      if (addresses.has(seat.address)) continue
      // It is used for as long as it answers.
      seat.isListed = false
      seat.wake?.()
    }
    this.seats = [...this.#seats.values()]
    this.#byId = new Map(Array.from(this.#seats.values(), (seat) => [seat.info.id, seat]))
    this.#changed?.()
  }

  #add(address: string, info: RunnerInfo): void {
    const seat = new Seat(address, info, this.index)
    this.#seats.set(address, seat)
    this.#options.fork(this.#keep(seat))
  }

  /** Connects to a runner again and again for as long as it is listed. */
  #keep(seat: Seat): Effect.Effect<void> {
    return Effect.gen(this, function* () {
      const { first, longest, refused } = this.#options.timing.rest
      let rest = first
      while (seat.isListed) {
        const refusal = yield* this.#attempt(seat)
        if (refusal === undefined) rest = first
        else if (refusal.died) rest = Math.min(2 * rest, longest)
        else {
          rest = refused
          if (seat.why !== refusal.reason) {
            yield* Effect.logWarning(`backend cluster does not use runner ${seat.address}: ${refusal.reason}`)
          }
        }
        seat.why = refusal?.reason ?? seat.why
        seat.isRefused = refusal?.died === false
        const process = seat.member?.process
        if (refusal !== undefined && seat.isRefused) seat.refusal = { reason: refusal.reason, process }
        else if (isOther(process, seat.refusal?.process)) seat.refusal = undefined
        this.#changed?.()
        if (!seat.isListed) break
        yield* resting(rest, (wake) => {
          seat.wake = wake
        })
        seat.wake = undefined
      }
      this.#options.asked(seat, undefined)
      this.#seats.delete(seat.address)
      this.seats = [...this.#seats.values()]
      this.#changed?.()
    })
  }

  /** One connection, from its start to its end; why it did not come about. */
  #attempt(seat: Seat): Effect.Effect<NotStarted | undefined> {
    const { asked, gone, member: memberOf, opened } = this.#options
    const member = memberOf(seat)
    seat.member = member
    const served = Effect.async<undefined>((resume) => {
      seat.leave = (reason, ending) => {
        seat.leave = undefined
        seat.isOpen = false
        seat.isDraining = false
        seat.why = reason
        void member.end()
        gone(seat, reason, ending)
        resume(Effect.succeed(undefined))
      }
      seat.why = undefined
      seat.isRefused = false
      seat.refusal = undefined
      seat.isOpen = true
      opened(seat)
      this.#changed?.()
    })
    const started = Effect.onExit(member.start, () => Effect.sync(() => asked(seat, member.process)))
    return Effect.matchEffect(started, {
      onFailure: (refusal) => Effect.succeed<NotStarted | undefined>(refusal),
      onSuccess: () => served
    }).pipe(Effect.ensuring(Effect.promise(() => member.end())))
  }
}

/** Whether a process that has answered is another one than before. */
const isOther = (answered: string | undefined, before: string | undefined): boolean =>
  answered !== undefined && answered !== before

/** Why a runner is not used. A lasting refusal is reported while the same process is asked again, also if that falls silent. */
const whyNot = (seat: Seat): string => {
  const { refusal, why = "it has not answered yet" } = seat
  if (refusal !== undefined && hasRefused(seat)) {
    return why === refusal.reason ? why : `${why}; before that: ${refusal.reason}`
  }
  return isLoading(seat) ? "it is still loading the module, or building the pipeline and its services" : why
}

/** Whether the process that is asked now has refused for good. */
const hasRefused = ({ member, refusal }: Seat): boolean =>
  refusal !== undefined && !isOther(member?.process, refusal.process)

const isLoading = (seat: Seat): boolean => !seat.isOpen && !hasRefused(seat) && seat.member?.isLoading === true

/** Waits, without keeping the process alive, unless it is woken. */
const resting = (milliseconds: number, wakes: (wake: () => void) => void): Effect.Effect<void> =>
  Effect.async((resume) => {
    const cancel = after(milliseconds, () => resume(Effect.void))
    wakes(() => {
      cancel()
      resume(Effect.void)
    })
    return Effect.sync(cancel)
  })
