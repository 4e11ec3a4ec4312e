/**
 * Requests and answers of a pool of threads, in memory that all of them see: a message would be copied, and would wait for
 * its turn in an event loop, which costs more than building a small batch.
 *
 * A request lies in a cell until its answer has been read. A free thread takes the request that comes first in the plan; so
 * a thread goes on with the next batch without anything being done on the main thread, and one that is slow holds up
 * nothing but its own batch.
 *
 * ```text
 *   cell:  free → requested (→ awaited) → taken by thread t → answered by thread t → free
 * ```
 *
 * Batches in flight are bounded in number by the cells, and in bytes: while those that are built and not given back take
 * more than `most`, threads begin only what the consumer waits for.
 *
 * A main thread that waits is told by a message once the batch that it waits for is there, and several others, so that it
 * wakes once for all of them: a wake costs it more than all else that it does for a small batch. Where batches take long,
 * or a thread runs out of requests, it is told of that batch alone.
 *
 * While no batch is awaited, sleeping threads are woken for several requests at once: to wake a thread takes the system 5 to 50 µs,
 * and on a machine with no core to spare the woken thread takes the core of who woke it.
 *
 * What does not fit a cell (seeds of other generators, errors, draws) goes as a message.
 *
 * @since 0.1.0
 */
import { after } from "../../../core/runtime.ts"
import type { RequestQueue } from "../remote/Member.ts"
import type { BatchRequest, StageSeeds } from "../remote/Protocol.ts"
import { cellWords, type Extent, type LaidOut, QueueCells, SLOTS } from "./QueueCells.ts"

/** The words that are counted, each in a cache line of its own, and where states begin. */
const REQUESTED = 0
const ANSWERED = 16
/** How many threads sleep, waiting for a request. */
const SLEEPING = 32
/** Whether the main thread is to be told of answers, how many more it waits for, and which cell is to be among them. */
const WATCHED = 48
const AWAITED = 49
const HEAD = 50
/** How many KiB are built and not given back. */
const IN_FLIGHT = 64
const STATES = 80

/** The states of a cell. TAKEN and DONE also say by which thread: twice its number is added. */
const URGENT = -1
const FREE = 0
const WAITING = 1
const TAKEN = 2
const DONE = 3

/** No cell in particular. */
const ANY = -1

/** The most bytes that a queue may take. */
const MOST = 2 ** 24

/** The most answers that the main thread waits for at once. */
const MOST_AWAITED = 16

/** Answers that come in less than this many milliseconds are waited for several at once, and no longer than this. */
const SOON_MS = 1

/** Requests that are not awaited wake a thread once half of the cells hold one, or the first of them is so many milliseconds old. */
const UNWOKEN_MS = 100

/** How long a thread sleeps before it has its event loop wait for a request, in milliseconds. */
const NAP_MS = 1

/** A request as a thread takes it. @since 0.1.0 */
export interface TakenRequest {
  readonly cell: number
  readonly id: number
  readonly request: BatchRequest
}

/** Takes an answer of a thread; returns `false` if it cannot be read yet, since a message is on its way. @since 0.1.0 */
export type OnAnswer = (thread: number, id: number, request: BatchRequest, answer: LaidOut) => boolean

/**
 * One side of a queue.
 *
 * @since 0.1.0
 */
export class SharedQueue implements RequestQueue {
  readonly buffer: SharedArrayBuffer
  readonly extent: Extent
  /** Main: who takes answers. */
  onAnswer: OnAnswer = () => false
  /** Main: who has requests sent as messages once there is room for their batches. */
  onRoom: () => void = () => undefined
  readonly #states: Int32Array
  readonly #cells: QueueCells
  /** Main: what lies in each cell. */
  readonly #held: Array<{ readonly id: number; readonly request: BatchRequest } | undefined> = []
  #requests = 0
  #isPolling = false
  #seen = 0
  #isDeferred = false
  /** Main: whether somebody waits for an answer, since when, and whether for several at once. */
  #isWatching = false
  #since = 0
  #areSoon = false
  #timer: (() => void) | undefined
  /** Main: how many requests were put since a thread was woken, and when the first of them was. */
  #unwoken = 0
  #unwokenSince = 0

  readonly #now: () => number

  constructor(extent: Extent, buffer: SharedArrayBuffer, now: () => number = () => performance.now()) {
    this.extent = extent
    this.#now = now
    this.buffer = buffer
    this.#states = new Int32Array(buffer, 0, STATES + extent.cells)
    this.#cells = new QueueCells(extent, buffer, firstWord(extent))
  }

  /** A new one, with fewer cells if there is not room for all; none where there is no memory to share. */
  static make(extent: Extent, now?: () => number): SharedQueue | undefined {
    const cells = Math.min(extent.cells, Math.floor((MOST - 4 * STATES) / (8 * cellWords(extent) + 4)))
    if (cells < 1 || typeof SharedArrayBuffer === "undefined") return undefined
    const own = { ...extent, cells }
    return new SharedQueue(own, new SharedArrayBuffer(8 * (firstWord(own) + cells * cellWords(own))), now)
  }

  put(id: number, request: BatchRequest): boolean {
    if (!this.#cells.fits(request)) return false
    for (let cell = 0; cell < this.extent.cells; cell++) {
      if (this.#held[cell] !== undefined) continue
      this.#held[cell] = { id, request }
      this.#requests++
      this.#cells.write(cell, id, request)
      Atomics.store(this.#states, STATES + cell, WAITING)
      this.#announce()
      return true
    }
    return false
  }

  poll(): void {
    // Whoever is handed an answer may ask for the next one.
    if (this.#isPolling) return
    this.#isPolling = true
    try {
      do {
        const answered = Atomics.load(this.#states, ANSWERED)
        if (answered !== this.#seen || this.#isDeferred) this.#handOn(answered)
        // An answer may have come before the threads knew that somebody waits.
      } while (this.#isWatching && !this.#await())
    } finally {
      this.#isPolling = false
    }
  }

  watch(waits: boolean): void {
    if (waits === this.#isWatching) return
    this.#isWatching = waits
    if (waits) {
      this.#wakeSleeping()
      this.poll()
    } else Atomics.store(this.#states, WATCHED, 0)
  }

  want(id: number): void {
    const cell = this.#held.findIndex((held) => held?.id === id)
    // In the order of readiness several are wanted, and one of them will do.
    Atomics.store(this.#states, HEAD, this.#isWatching ? ANY : cell)
    if (cell === -1) return
    const before = Atomics.compareExchange(this.#states, STATES + cell, WAITING, URGENT)
    // It may be what threads are not allowed to begin.
    if (before === WAITING && this.isFull) this.#wake(1)
  }

  /** Main: a thread has something to tell: answers, or that it sleeps. */
  told(): void {
    this.#areSoon = this.#now() - this.#since < SOON_MS
    this.poll()
  }

  takeBack(thread: number): ReadonlyArray<number> {
    const ids: Array<number> = []
    for (const [cell, held] of this.#held.entries()) {
      const state = Atomics.load(this.#states, STATES + cell)
      if (held === undefined || (state !== TAKEN + 2 * thread && state !== DONE + 2 * thread)) continue
      ids.push(held.id)
      if (state === DONE + 2 * thread) this.given(this.#cells.answer(cell).kibibytes)
      this.#free(cell)
    }
    return ids
  }

  /** Main: a request was answered by a message. */
  release(id: number): void {
    const cell = this.#held.findIndex((held) => held?.id === id)
    if (cell !== -1) this.#free(cell)
  }

  /** Main: a batch has come by a message, which takes so much memory. */
  came(kibibytes: number): void {
    Atomics.add(this.#states, IN_FLIGHT, kibibytes)
  }

  /** Main: the memory of a batch was given back. */
  given(kibibytes: number): void {
    const before = Atomics.sub(this.#states, IN_FLIGHT, kibibytes)
    const { most } = this.extent
    if (before < most || before - kibibytes >= most) return
    this.wake()
    this.onRoom()
  }

  wake(): void {
    Atomics.add(this.#states, REQUESTED, 1)
    Atomics.notify(this.#states, REQUESTED)
  }

  close(): void {
    this.watch(false)
    this.#timer?.()
    this.#timer = undefined
    this.wake()
  }

  /** Thread: wakes another sleeping thread, since this one is busy with a batch. */
  wakeOther(): void {
    Atomics.notify(this.#states, REQUESTED, 1)
  }

  /** Thread: takes the request that comes first, of those that may be begun and that no other thread has taken. */
  take(thread: number): TakenRequest | undefined {
    for (;;) {
      this.#seen = Atomics.load(this.#states, REQUESTED)
      const { isFull } = this
      let first = -1
      let found = FREE
      for (let cell = 0; cell < this.extent.cells; cell++) {
        const state = Atomics.load(this.#states, STATES + cell)
        if (state !== URGENT && (state !== WAITING || isFull)) continue
        if (first !== -1 && (state === found ? !this.#cells.isBefore(cell, first) : state === WAITING)) continue
        first = cell
        found = state
      }
      if (first === -1) return undefined
      if (Atomics.compareExchange(this.#states, STATES + first, found, TAKEN + 2 * thread) !== found) continue
      return { cell: first, ...this.#cells.read(first) }
    }
  }

  /** Thread: sleeps for a moment, after `take` has found none; returns whether there may be a request. */
  nap(): boolean {
    Atomics.add(this.#states, SLEEPING, 1)
    const outcome = Atomics.wait(this.#states, REQUESTED, this.#seen, NAP_MS)
    Atomics.sub(this.#states, SLEEPING, 1)
    return outcome !== "timed-out"
  }

  /** Thread: waits until there may be a request, after `take` has found none; `undefined` if there may be one already. */
  requested(): Promise<unknown> | undefined {
    Atomics.add(this.#states, SLEEPING, 1)
    const outcome = Atomics.waitAsync(this.#states, REQUESTED, this.#seen)
    if (outcome.async) return outcome.value.finally(() => Atomics.sub(this.#states, SLEEPING, 1))
    Atomics.sub(this.#states, SLEEPING, 1)
    return undefined
  }

  /** Thread: answers the request in a cell; returns whether the main thread is to be told. */
  answer(thread: number, cell: number, answer: LaidOut): boolean {
    this.#cells.writeAnswer(cell, answer)
    Atomics.store(this.#states, STATES + cell, DONE + 2 * thread)
    Atomics.add(this.#states, IN_FLIGHT, answer.kibibytes)
    Atomics.add(this.#states, ANSWERED, 1)
    return Atomics.sub(this.#states, AWAITED, 1) <= 1 && this.#tells
  }

  /** Thread: it has no request; returns whether the main thread is to be told, since it waits for more answers than come. */
  idle(): boolean {
    return this.#tells
  }

  /** Whether the main thread waits for an answer. */
  get isAwaited(): boolean {
    return Atomics.load(this.#states, WATCHED) === 1
  }

  /** Whether a cell has room for the seeds that a batch was built with. */
  fits(observed: StageSeeds | undefined): boolean {
    return observed === undefined || this.#cells.fitSeeds(observed)
  }

  /** Whether an answer in a cell has room for so many slots. */
  static fits(slots: number): boolean {
    return slots <= SLOTS
  }

  /** Thread: whether it is the one that tells the main thread that the answer which it waits for is there. */
  get #tells(): boolean {
    if (!this.isAwaited) return false
    const head = Atomics.load(this.#states, HEAD)
    const isThere = head === ANY || isDone(Atomics.load(this.#states, STATES + head))
    return isThere && Atomics.exchange(this.#states, WATCHED, 0) === 1
  }

  get isFull(): boolean {
    return Atomics.load(this.#states, IN_FLIGHT) >= this.extent.most
  }

  /** A request was put: threads that are awake see it, and those that sleep are woken if it is time. */
  #announce(): void {
    Atomics.add(this.#states, REQUESTED, 1)
    if (Atomics.load(this.#states, SLEEPING) === 0) {
      this.#unwoken = 0
      return
    }
    const now = this.#now()
    if (this.#unwoken === 0) this.#unwokenSince = now
    this.#unwoken++
    const areMany = 2 * this.#unwoken >= this.extent.cells
    if (this.#isWatching || areMany || now - this.#unwokenSince >= UNWOKEN_MS) this.#wakeSleeping()
  }

  /** Wakes threads for the requests that none was woken for. */
  #wakeSleeping(): void {
    if (this.#unwoken > 0) this.#wake(this.#unwoken)
    this.#unwoken = 0
  }

  /** Wakes so many threads, if they sleep. A thread counts itself before it looks whether there is anything new. */
  #wake(count: number): void {
    Atomics.add(this.#states, REQUESTED, 1)
    if (Atomics.load(this.#states, SLEEPING) > 0) Atomics.notify(this.#states, REQUESTED, count)
  }

  /** Asks the threads to signal their next answers; returns `false` if one has not been read yet. */
  #await(): boolean {
    this.#since = this.#now()
    const several = this.#areSoon ? Math.min(this.#requests >> 1, MOST_AWAITED) : 1
    Atomics.store(this.#states, AWAITED, Math.max(several, 1))
    Atomics.store(this.#states, WATCHED, 1)
    if (several > 1) this.#timer ??= after(SOON_MS, this.#late)
    return Atomics.load(this.#states, ANSWERED) === this.#seen
  }

  /** Answers that were to come soon may not: what is there is handed on, and from then on each at once. */
  readonly #late = (): void => {
    this.#timer = undefined
    if (!this.#isWatching || !this.#areSoon) return
    if (this.#now() - this.#since >= SOON_MS) this.told()
    else this.#timer = after(SOON_MS, this.#late)
  }

  #handOn(answered: number): void {
    this.#seen = answered
    // Whoever is handed an answer may throw: what stands behind it is looked at again.
    this.#isDeferred = true
    let isDeferred = false
    for (let cell = 0; cell < this.extent.cells; cell++) {
      const held = this.#held[cell]
      if (held === undefined) continue
      const state = Atomics.load(this.#states, STATES + cell)
      if (!isDone(state)) continue
      if (this.onAnswer((state - DONE) / 2, held.id, held.request, this.#cells.answer(cell))) this.#free(cell)
      else isDeferred = true
    }
    this.#isDeferred = isDeferred
  }

  #free(cell: number): void {
    this.#held[cell] = undefined
    this.#requests--
    // What it held may be built elsewhere.
    Atomics.compareExchange(this.#states, HEAD, cell, ANY)
    Atomics.store(this.#states, STATES + cell, FREE)
  }
}

const isDone = (state: number): boolean => state >= DONE && (state & 1) === (DONE & 1)

const firstWord = ({ cells }: Extent): number => Math.ceil((STATES + cells) / 2)
