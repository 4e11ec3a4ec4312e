/**
 * What lies between the workers of a run and its consumer: for each worker what it has to build, how far ahead it may
 * build, and the queue of what it has built.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Signal } from "../../core/Signal.ts"
import type { BuiltBatch, Failure } from "../backends/Backend.ts"
import { WorkerAssignments } from "../plan/Assignments.ts"
import * as Plan from "../plan/Plan.ts"
import type { Sequence } from "../plan/Sequence.ts"
import { Credits, Queue } from "./Queue.ts"

/** A batch that is built, and on its way to the consumer. @since 0.1.0 */
export interface Built {
  /** Its sequence number in the run. */
  readonly sequence: number
  readonly exit: Exit.Exit<BuiltBatch, Failure>
}

/** One worker's queue. @since 0.1.0 */
export interface WorkerQueue {
  readonly worker: number
  readonly batches: Queue<Built>
  readonly credits: Credits
  readonly assignments: WorkerAssignments
}

/** @since 0.1.0 */
export interface WorkerQueuesOptions {
  readonly workers: number
  /** The numbers of the run's batches. */
  readonly sequence: Sequence
  /** How many batches each worker may build ahead. */
  readonly prefetch: number
  /** Whether batches come as they are ready, through one queue, or in the plan's order, through one a worker. */
  readonly ready: boolean
  /** The first sequence number that is to be built, and the one behind the last. */
  readonly first: number
  readonly end: number
  /** Sequence numbers that are not to be built again. */
  readonly ahead: ReadonlySet<number>
}

/** The queues of a run. @since 0.1.0 */
export class WorkerQueues {
  readonly all: ReadonlyArray<WorkerQueue>
  readonly #options: WorkerQueuesOptions
  readonly #shared = new Queue<Built>()
  readonly #skipping = new Signal()
  /** What lies before this sequence number is not wanted any more. */
  #floor: number
  #closed = false
  readonly #areLots: boolean
  /** The epoch of each queue's last batch that was begun. */
  readonly #epochs: Array<number>

  constructor(options: WorkerQueuesOptions) {
    this.#options = options
    this.#floor = options.first
    const { prefetch, ready, sequence, workers } = options
    // While the consumer does not wait, more than half of what may be requested is.
    const lot = Math.max((prefetch - 1) >> 1, 1)
    this.#areLots = lot > 1
    this.all = Array.from({ length: Math.min(workers, sequence.room) }, (_, worker) => ({
      worker,
      batches: ready ? this.#shared : new Queue<Built>(),
      credits: new Credits(prefetch, lot),
      assignments: new WorkerAssignments({ worker, ...options })
    }))
    this.#epochs = this.all.map(({ assignments }) => assignments.next?.epoch ?? Number.POSITIVE_INFINITY)
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** The number of the queue that a batch comes by; in the order of readiness all come by one. */
  numberAt(sequence: number): number {
    return this.#options.ready ? 0 : this.workerOf(sequence)
  }

  /** The queue that a batch comes by. */
  queueAt(sequence: number): Queue<Built> {
    return this.#options.ready ? this.#shared : (this.all[this.workerOf(sequence)]?.batches ?? this.#shared)
  }

  /** A worker begins a batch of an epoch. Returns the epoch that the last of the workers is in, if it may have changed. */
  begin({ worker }: WorkerQueue, epoch: number): number | undefined {
    if (this.#epochs[worker] === epoch) return undefined
    this.#epochs[worker] = epoch
    return this.#epochs.reduce((least, own) => Math.min(least, own), Number.POSITIVE_INFINITY)
  }

  /**
   * A worker has built a batch; returns whether the consumer gets it, or has skipped it. If the epoch ended before the batch,
   * the worker continues with the next epoch.
   */
  put({ assignments, batches }: WorkerQueue, built: Built): boolean {
    const { exit, sequence } = built
    if (sequence < this.#floor) {
      this.#drop(built)
      return false
    }
    if (Exit.isSuccess(exit) && exit.value.ended === true) {
      const own = this.#options.sequence
      assignments.skipTo(own.of(own.epochOf(sequence) + 1, 0))
    }
    batches.put(built)
    return true
  }

  /** A batch was taken or dropped: its worker may build another. Where it requests a lot of them, all workers request. */
  giveCredit(sequence: number): void {
    if (this.all[this.workerOf(sequence)]?.credits.give() === true && this.#areLots) this.flushCredits()
  }

  /** It was taken that an epoch ended before a batch. Returns the next epoch's first sequence number. */
  leave(sequence: number): number {
    const { ready, sequence: own } = this.#options
    const next = own.of(own.epochOf(sequence) + 1, 0)
    this.giveCredit(sequence)
    // All before it was taken, and nothing behind it is a batch: no worker waits until the consumer comes to its queue.
    if (!ready) this.skipTo(next)
    return next
  }

  /** All that may be requested is, as when the consumer waits. */
  flushCredits(): void {
    for (const { credits } of this.all) credits.flush()
  }

  /** Nothing before `sequence` is wanted any more: what was built of it is dropped, and no more of it is built. */
  skipTo(sequence: number): void {
    if (sequence <= this.#floor) return
    this.#floor = sequence
    for (const { assignments } of this.all) assignments.skipTo(sequence)
    const all = this.#options.ready ? [this.#shared] : this.all.map(({ batches }) => batches)
    for (const batches of all) for (const built of batches.remove((own) => own.sequence < sequence)) this.#drop(built)
    this.#skipping.notify()
    // A worker that has nothing left to request finds its end.
    this.flushCredits()
  }

  /** Whether a batch is not wanted any more. */
  isSkipped(sequence: number): boolean {
    return sequence < this.#floor
  }

  /** Waits until a batch is not wanted any more. */
  skipped(sequence: number): Effect.Effect<void> {
    return this.#skipping.until(() => sequence < this.#floor)
  }

  /** Has those who wait for a batch look again: none will come. */
  close(): void {
    this.#closed = true
    this.#shared.notify()
    for (const { batches } of this.all) batches.notify()
  }

  #drop({ exit, sequence }: Built): void {
    if (Exit.isSuccess(exit)) exit.value.lease?.release()
    this.giveCredit(sequence)
  }

  /** The worker that owns a batch. */
  workerOf(sequence: number): number {
    return Plan.worker(this.#options, this.#options.sequence.batchOf(sequence))
  }
}
