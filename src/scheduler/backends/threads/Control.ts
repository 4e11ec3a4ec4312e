/**
 * A few words of memory that a thread and its owner share from the thread's start to its end, for what must be known
 * even of a thread that answers no message: whether it may be terminated, and what it said last.
 *
 * @since 0.1.0
 */
import type { Gate } from "../../../core/NativeWork.ts"

/** The words, and what each holds. */
const CLOSING = 0
const AT_WORK = 1
const SAID = 2

/** Where the last words begin, and how many bytes they may take. */
const WORDS = 4 * 3
const LONGEST = 2036

/**
 * One side of the shared words.
 *
 * @since 0.1.0
 */
export class Control implements Gate {
  readonly buffer: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #bytes: Uint8Array

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#words = new Int32Array(buffer, 0, 3)
    this.#bytes = new Uint8Array(buffer, WORDS)
  }

  /** New words; none where there is no memory to share. */
  static make(): Control | undefined {
    return typeof SharedArrayBuffer === "undefined" ? undefined : new Control(new SharedArrayBuffer(WORDS + LONGEST))
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
    const { written } = new TextEncoder().encodeInto(reason.slice(0, LONGEST), scratch)
    const length = Math.min(written, LONGEST)
    this.#bytes.set(scratch.subarray(0, length))
    Atomics.store(this.#words, SAID, length)
  }

  /** Owner: what the thread said, if it did. */
  get said(): string | undefined {
    const length = Atomics.load(this.#words, SAID)
    if (length === 0) return undefined
    // A copy that is not shared, which decoders do not take.
    const own = new Uint8Array(length)
    own.set(this.#bytes.subarray(0, length))
    return new TextDecoder().decode(own)
  }
}

/** Encoders do not write to shared memory. */
const scratch = new Uint8Array(LONGEST)
