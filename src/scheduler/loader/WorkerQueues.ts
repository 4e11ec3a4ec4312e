/**
 * What lies between the workers of a run and its consumer: for each worker what it has to build, how far ahead it may
 * build, and the queue of what it has built.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Content, Failure } from "../backends/Backend.ts"
import { Credits, Queue, Signal } from "./Queue.ts"
import { WorkerShares } from "./Shares.ts"

/** A batch that is built, and on its way to the consumer. @since 0.1.0 */
export interface Made {
  /** Its place in the row of all batches of the run. */
  readonly place: number
  readonly exit: Exit.Exit<Content, Failure>
}

/** One worker's queue. @since 0.1.0 */
export interface WorkerQueue {
  readonly worker: number
  readonly batches: Queue<Made>
  readonly credits: Credits
  readonly shares: WorkerShares
}

/** @since 0.1.0 */
export interface WorkerQueuesOptions {
  readonly workers: number
  /** How many batches an epoch has. */
  readonly batches: number
  /** How many batches each worker may build ahead. */
  readonly prefetch: number
  /** Whether batches come as they are ready, through one queue, or in the plan's order, through one a worker. */
  readonly ready: boolean
  /** The first place that is to be built, and the one behind the last. */
  readonly first: number
  readonly end: number
  /** Places that are not to be built again. */
  readonly ahead: ReadonlySet<number>
}

/** The queues of a run. @since 0.1.0 */
export class WorkerQueues {
  readonly all: ReadonlyArray<WorkerQueue>
  readonly #options: WorkerQueuesOptions
  readonly #shared = new Queue<Made>()
  readonly #skipping = new Signal()
  /** What lies before it is not wanted any more. */
  #floor: number
  #closed = false
  /** The epoch of each queue's last batch that was begun. */
  readonly #epochs: Array<number>

  constructor(options: WorkerQueuesOptions) {
    this.#options = options
    this.#floor = options.first
    const { batches, prefetch, ready, workers } = options
    this.all = Array.from({ length: Math.min(workers, batches) }, (_, worker) => ({
      worker,
      batches: ready ? this.#shared : new Queue<Made>(),
      credits: new Credits(prefetch),
      shares: new WorkerShares({ worker, ...options })
    }))
    this.#epochs = this.all.map(({ shares }) => shares.next?.epoch ?? Number.POSITIVE_INFINITY)
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** The number of the queue that a place comes by; all come by one in the order of readiness. */
  numberAt(place: number): number {
    return this.#options.ready ? 0 : this.#workerOf(place)
  }

  /** The queue that a place comes by. */
  queueAt(place: number): Queue<Made> {
    return this.#options.ready ? this.#shared : (this.all[this.#workerOf(place)]?.batches ?? this.#shared)
  }

  /** A worker begins a batch of an epoch. Returns the epoch that the last of the workers is in, if it may have changed. */
  begin({ worker }: WorkerQueue, epoch: number): number | undefined {
    if (this.#epochs[worker] === epoch) return undefined
    this.#epochs[worker] = epoch
    return this.#epochs.reduce((least, own) => Math.min(least, own), Number.POSITIVE_INFINITY)
  }

  /** A worker has built a batch; says whether the consumer gets it, or has skipped it. */
  put({ batches }: WorkerQueue, made: Made): boolean {
    if (made.place < this.#floor) {
      this.#drop(made)
      return false
    }
    batches.put(made)
    return true
  }

  /** A batch was taken, so that its worker may build another. */
  taken(place: number): void {
    this.all[this.#workerOf(place)]?.credits.give()
  }

  /** Nothing before `place` is wanted any more: what was built of it is dropped, and no more of it is built. */
  skipTo(place: number): void {
    if (place <= this.#floor) return
    this.#floor = place
    for (const { shares } of this.all) shares.skipTo(place)
    const all = this.#options.ready ? [this.#shared] : this.all.map(({ batches }) => batches)
    for (const batches of all) for (const made of batches.remove((own) => own.place < place)) this.#drop(made)
    this.#skipping.notify()
  }

  /** Waits until a place is not wanted any more. */
  skipped(place: number): Effect.Effect<void> {
    return this.#skipping.until(() => place < this.#floor)
  }

  /** Has those who wait for a batch look again: none will come. */
  close(): void {
    this.#closed = true
    this.#shared.notify()
    for (const { batches } of this.all) batches.notify()
  }

  #drop({ exit, place }: Made): void {
    if (Exit.isSuccess(exit)) exit.value.release?.()
    this.taken(place)
  }

  #workerOf(place: number): number {
    return (place % this.#options.batches) % this.#options.workers
  }
}
