/**
 * Memory that a thread and its owner share from the thread's start to its end, for what must be known even of a thread
 * that answers no message: whether it may be terminated, which batch and stage it is at, what it said last; and the other
 * way, which of its memory is no longer read.
 *
 * @since 0.1.0
 */
import type { Gate } from "../../../core/NativeWork.ts"
import { copyOf } from "../remote/BatchCodec.ts"
import { now } from "../remote/Member.ts"

/** The words, and what each holds. */
const CLOSING = 0
const AT_WORK = 1
const SAID = 2
const STAGE = 3
/** The id of the request at hand, plus one. */
const CURRENT = 4
/** How many addresses were given back, and how many of these were taken. */
const GIVEN = 5
const TAKEN = 6
const WORDS = 8

/** Where the rest begins, in bytes, and how long it may be. */
const SINCE = 4 * WORDS
const RING = SINCE + 8
const RING_LENGTH = 256
const SAID_TEXT = RING + 8 * RING_LENGTH
const LONGEST_SAID = 2036
/** The names of stages, one behind the other: hundreds of usual ones. */
const NAMES = SAID_TEXT + LONGEST_SAID
const NAMES_LENGTH = 8192
const LONGEST_STAGE = 252
const LENGTH = NAMES + NAMES_LENGTH

/**
 * One side of the shared memory.
 *
 * @since 0.1.0
 */
export class ThreadControl implements Gate {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #since: Float64Array
  readonly #ring: Float64Array
  readonly #bytes: Uint8Array
  /** The marks of the names so far, and where the next name goes. */
  readonly #marks = new Map<string, number>()
  #nextName = NAMES

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer, 0, WORDS)
    this.#since = new Float64Array(buffer, SINCE, 1)
    this.#ring = new Float64Array(buffer, RING, RING_LENGTH)
    this.#bytes = new Uint8Array(buffer)
  }

  /** New memory; none where no memory can be shared. */
  static make(): ThreadControl | undefined {
    return typeof SharedArrayBuffer === "undefined" ? undefined : new ThreadControl(new SharedArrayBuffer(LENGTH))
  }

  /** Owner: from now on nothing begins that must not be cut off. */
  close(): void {
    Atomics.store(this.#words, CLOSING, 1)
  }

  /** Owner: whether the thread is at something that must not be cut off. */
  get isAtWork(): boolean {
    return Atomics.load(this.#words, AT_WORK) > 0
  }

  /**
   * Thread: counts a piece of work that must not be cut off. It is counted first and looked after, as the owner closes
   * first and counts after: one of the two sees the other.
   */
  readonly begin = (): boolean => {
    Atomics.add(this.#words, AT_WORK, 1)
    if (Atomics.load(this.#words, CLOSING) === 0) return true
    Atomics.sub(this.#words, AT_WORK, 1)
    return false
  }

  /** Thread: the same for a part of a piece that is counted already, which is to come to its end, too. */
  readonly beginPart = (): boolean => {
    Atomics.add(this.#words, AT_WORK, 1)
    return true
  }

  readonly end = (): void => {
    Atomics.sub(this.#words, AT_WORK, 1)
  }

  /** Thread: why it ends, or cannot serve. The first reason stands; it is read even if no message arrives any more. */
  say(reason: string): void {
    if (Atomics.load(this.#words, SAID) > 0) return
    const { written } = new TextEncoder().encodeInto(reason.slice(0, LONGEST_SAID), scratch)
    const length = Math.min(written, LONGEST_SAID)
    this.#bytes.set(scratch.subarray(0, length), SAID_TEXT)
    Atomics.store(this.#words, SAID, length)
  }

  /** Owner: what the thread said, if it did. */
  get said(): string | undefined {
    return this.#text(SAID_TEXT, Atomics.load(this.#words, SAID))
  }

  /** Thread: writes the name of a stage, once, and returns what {@link enter} is told; 0 where there is no room left. */
  mark(name: string): number {
    const known = this.#marks.get(name)
    if (known !== undefined) return known
    const bytes = new TextEncoder().encode(name).subarray(0, LONGEST_STAGE)
    const from = this.#nextName
    const fits = from + bytes.length <= LENGTH
    const mark = fits ? (from << 8) | bytes.length : 0
    if (fits) {
      this.#bytes.set(bytes, from)
      this.#nextName += bytes.length
    }
    this.#marks.set(name, mark)
    return mark
  }

  /**
   * Thread: which stage runs. It may be told for each sample, so it is a plain write, of 1 ns: an owner that looks at a
   * thread which hangs does so long after.
   */
  enter(mark: number): void {
    this.#words[STAGE] = mark
  }

  /** Owner: the stage that ran last; none before the first. */
  get stage(): string | undefined {
    const mark = Atomics.load(this.#words, STAGE)
    return this.#text(mark >> 8, mark & 255)
  }

  /** Thread: the request that it begins, or that it is at none. */
  set at(id: number | undefined) {
    if (id !== undefined) this.#since[0] = now()
    Atomics.store(this.#words, CURRENT, id === undefined ? 0 : (id + 1) | 0)
  }

  /** Owner: the request that the thread is at, and since when. */
  get current(): { readonly id: number; readonly since: number } | undefined {
    const id = Atomics.load(this.#words, CURRENT)
    return id === 0 ? undefined : { id: id - 1, since: this.#since[0] ?? 0 }
  }

  /** Owner: gives back as many of these addresses as there is room for; returns the rest. */
  give(addresses: ReadonlyArray<number>): ReadonlyArray<number> {
    const taken = Atomics.load(this.#words, TAKEN)
    let given = Atomics.load(this.#words, GIVEN)
    let next = 0
    while (next < addresses.length && ((given - taken) | 0) < RING_LENGTH) {
      this.#ring[(given >>> 0) % RING_LENGTH] = addresses[next++] ?? 0
      given = (given + 1) | 0
    }
    Atomics.store(this.#words, GIVEN, given)
    return addresses.slice(next)
  }

  /** Thread: the next address that was given back. */
  takeAddress(): number | undefined {
    const taken = Atomics.load(this.#words, TAKEN)
    if (taken === Atomics.load(this.#words, GIVEN)) return undefined
    const address = this.#ring[(taken >>> 0) % RING_LENGTH]
    Atomics.store(this.#words, TAKEN, (taken + 1) | 0)
    return address
  }

  /** Decoders do not take shared memory. */
  #text(from: number, length: number): string | undefined {
    return length === 0 ? undefined : new TextDecoder().decode(copyOf(this.#bytes.subarray(from, from + length)))
  }
}

/** Encoders do not write to shared memory. */
const scratch = new Uint8Array(LONGEST_SAID)
