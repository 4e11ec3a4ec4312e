/**
 * Which backend a run builds its batches on: the rule by which `auto` chooses, as plain code over readings of a clock.
 *
 * What counts is what the consumer loses: the time that it waits for batches. On fibers a batch is also built while the
 * consumer could go on, just after it was handed one; that is a loss to it, too, and shows in no wait. So the loss between two
 * readings is what it waited, or what this thread was building, whichever is more. While it takes what was built before it
 * began, the loss is still to come: what a batch took then.
 *
 * @since 0.1.0
 */

/** Which backend a run builds its batches on, and why. @since 0.1.0 */
export interface Choice {
  /** The name of the backend. */
  readonly backend: string
  readonly reason: string
}

/** From which loss on threads pay. @since 0.1.0 */
export interface Pays {
  /** The share of the time, 0 … 1, that the consumer has to lose at least. */
  readonly share: number
  /** Milliseconds that it would lose in the rest of the run at least: starting a thread takes a third of a second. */
  readonly rest: number
}

/** What is known of a run at one moment. @since 0.1.0 */
export interface Reading {
  /** Milliseconds of a clock. */
  readonly at: number
  /** Batches that the consumer has taken, and milliseconds that it has waited for them. */
  readonly batches: number
  readonly waited: number
  /** Milliseconds that batches were built in on the thread of the consumer. */
  readonly built: number
  /** Milliseconds that one of them took, the mean of all so far; 0 or nothing if none was. */
  readonly each?: number
}

/** What the consumer loses. @since 0.1.0 */
export interface Loss {
  /** A share of the time, 0 … 1. */
  readonly share: number
  /** Milliseconds a batch. */
  readonly each: number
  /** It is still to come: what was taken had been built before. */
  readonly isAhead?: true
}

/** For how long a run is looked at before it is judged, and over how many batches at least. */
const LOOK_MS = 100
const LOOK_BATCHES = 2

/** The same where threads are ready: to move costs nothing then, and a move that does not pay is taken back. */
const READY_LOOK_MS = 10
const READY_LOOK_BATCHES = 2

/** How long threads that were started at once are kept for a consumer that does not wait. */
const KEPT_MS = 2000

/** How long threads are left to warm up before they are judged, in which they are tens of times as slow at first. */
const WARM_MS = 1000
const TRIAL_MS = 1000

/** What the consumer loses between two readings, of which the later one has more batches. @since 0.1.0 */
export const lossBetween = (from: Reading, to: Reading): Loss => {
  const lost = Math.max(to.waited - from.waited, to.built - from.built)
  const loss = { share: Math.min(lost / (to.at - from.at), 1), each: lost / (to.batches - from.batches) }
  const { each = 0 } = to
  if (to.built > from.built || each <= loss.each) return loss
  return { share: Math.min((each * (to.batches - from.batches)) / (to.at - from.at), 1), each, isAhead: true }
}

/**
 * What a look at a run comes to: `move` it to threads, take it `back` to fibers, `end` the threads that were started for it
 * before it was known whether it needs them; or nothing of it.
 *
 * @since 0.1.0
 */
export type Verdict = "move" | "back" | "end" | undefined

/**
 * Judges a run by its readings, one after the other. It begins on fibers, moves to threads when the consumer loses
 * enough on fibers, and goes back, for good, when the consumer loses no less on threads.
 *
 * @since 0.1.0
 */
export class Judge {
  readonly #pays: Pays
  /** How many batches the run has. */
  readonly #batches: number
  #phase: "looking" | "starting" | "warming" | "trying" | "settled" = "looking"
  #from: Reading | undefined
  #onFibers: Loss = { share: 0, each: 0 }
  #onThreads: Loss = { share: 0, each: 0 }
  /** Whether threads are ready, and since when the run has been looked at. */
  #isReady = false
  #since: number | undefined

  constructor(pays: Pays, batches: number) {
    this.#pays = pays
    this.#batches = batches
  }

  /**
   * Whether threads are worth starting before it is known that the consumer waits: whether it would lose enough in the run
   * by a millisecond a batch.
   */
  get startsAtOnce(): boolean {
    return this.#batches >= this.#pays.rest
  }

  /** Threads are ready. */
  ready(): void {
    this.#isReady = true
  }

  /** Whether nothing is left to judge. */
  get isSettled(): boolean {
    return this.#phase === "settled"
  }

  /** What the consumer lost on fibers when the run was moved. */
  get onFibers(): Loss {
    return this.#onFibers
  }

  /** What it lost on threads when that was judged. */
  get onThreads(): Loss {
    return this.#onThreads
  }

  /** Threads build from here on. */
  moved(): void {
    this.#phase = "warming"
    this.#from = undefined
  }

  /** There are no threads to move to. */
  stayed(): void {
    this.#phase = "settled"
  }

  look(now: Reading): Verdict {
    switch (this.#phase) {
      case "looking":
        return this.#looking(now)
      case "warming":
        this.#from ??= now
        if (now.at - this.#from.at < WARM_MS) return undefined
        this.#from = now
        this.#phase = "trying"
        return undefined
      case "trying":
        return this.#trying(now)
      default:
        return undefined
    }
  }

  #looking(now: Reading): Verdict {
    // The first batch is always waited for, and built by code that no compiler has seen.
    if (now.batches === 0) return undefined
    this.#from ??= now
    this.#since ??= now.at
    const loss = this.#isReady
      ? this.#lossOver(this.#from, now, READY_LOOK_MS, READY_LOOK_BATCHES)
      : this.#lossOver(this.#from, now, LOOK_MS)
    if (loss === undefined) return undefined
    this.#from = now
    const left = this.#batches - now.batches
    if (loss.share <= this.#pays.share || loss.each * left < this.#pays.rest) {
      if (!this.#isReady || now.at - this.#since < KEPT_MS) return undefined
      this.#isReady = false
      return "end"
    }
    this.#onFibers = loss
    this.#phase = "starting"
    return "move"
  }

  #trying(now: Reading): Verdict {
    const loss = this.#from === undefined ? undefined : this.#lossOver(this.#from, now, TRIAL_MS)
    if (loss === undefined) return undefined
    this.#onThreads = loss
    this.#phase = "settled"
    return loss.each < this.#onFibers.each ? undefined : "back"
  }

  /** The loss over a window; none before it is over. */
  #lossOver(from: Reading, now: Reading, milliseconds: number, batches = LOOK_BATCHES): Loss | undefined {
    if (now.at - from.at < milliseconds || now.batches - from.batches < batches) return undefined
    return lossBetween(from, now)
  }
}
