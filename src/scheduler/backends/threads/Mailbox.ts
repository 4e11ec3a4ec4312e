/**
 * What the main side and a thread say to each other for most batches: a few numbers in memory that both see. A message
 * would be copied, and would wait for its turn in an event loop, which costs more than small batches themselves.
 *
 * ```text
 *   asked ─▶ [ cell 0 | cell 1 | … | cell n-1 ]   the n-th question is written to cell n mod cells, then counted;
 *   answered ◀ [ cell 0 | cell 1 | … | cell n-1 ]   so is its answer
 * ```
 *
 * What does not fit a cell (strings, other generators' seeds, errors) goes as a message; its cell says so, and thereby
 * when its turn is.
 *
 * @since 0.1.0
 */
import { algorithm as xoshiro } from "../../../random/generators/Xoshiro128.ts"
import type { Seeds } from "../../../seeding/SeedPolicy.ts"
import type { Make, Slot } from "./Protocol.ts"

/** The words of a counter's cache line. */
const LINE = 16
/** The counters, and the word that each is at. */
const ASKED = 0
const ANSWERED = LINE
/** Where the name of the stage at work stands, in bytes: how long it is, then its UTF-8. */
const NAME = 4 * 2 * LINE
const LONGEST = 252
/** Where cells begin, in bytes. */
const CELLS = NAME + 4 + LONGEST

/** What a cell holds first. */
const BY_MESSAGE = 0
const HERE = 1

/** The most that a mailbox may take, in bytes. */
const MOST = 2 ** 24

/** Room for slots that are given back with a question, or come with an answer. */
const SLOTS = 64

/** How many words of 8 bytes a question's and an answer's cell have before their lists. */
const QUESTION = 8
const ANSWER = 6
const HASH = 4

/** What a mailbox is made for. @since 0.1.0 */
export interface Extent {
  /** How many questions may be without an answer. */
  readonly cells: number
  /** The most rows of a batch. */
  readonly rows: number
  /** The names of the pipeline's stages. */
  readonly stages: ReadonlyArray<string>
}

/** A batch that looks like one before, but for its place and memory. @since 0.1.0 */
export interface Alike {
  readonly form: number
  readonly epoch: number
  readonly batch: number
  /** Where its slots are, which have the lengths of those of the first of its form. */
  readonly addresses: ReadonlyArray<number>
  readonly hash: Uint8Array | undefined
}

/**
 * One side of a mailbox.
 *
 * @since 0.1.0
 */
export class Mailbox {
  readonly buffer: SharedArrayBuffer
  readonly #extent: Extent
  readonly #counters: Int32Array
  readonly #words: Float64Array
  /** The same memory by halves of words, for seeds. */
  readonly #halves: Uint32Array
  readonly #bytes: Uint8Array
  readonly #question: number
  readonly #answer: number
  readonly #places: ReadonlyMap<string, number>
  readonly #names = new Map<string, Uint8Array>()
  #asked = 0
  #answered = 0

  constructor(extent: Extent, buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.#extent = extent
    this.#counters = new Int32Array(buffer, 0, NAME / 4 + 1)
    this.#words = new Float64Array(buffer)
    this.#halves = new Uint32Array(buffer, 0, 2 * this.#words.length)
    this.#bytes = new Uint8Array(buffer)
    this.#question = questionWords(extent)
    this.#answer = answerWords
    this.#places = new Map(extent.stages.map((name, place) => [name, place]))
  }

  /** A new one; none where there is no memory to share, or where it would take too much of it. */
  static make(extent: Extent): Mailbox | undefined {
    const size = CELLS + 8 * extent.cells * (questionWords(extent) + answerWords)
    if (size > MOST || typeof SharedArrayBuffer === "undefined") return undefined
    return new Mailbox(extent, new SharedArrayBuffer(size))
  }

  /** Asks for a batch. Gives `false` where it must be said by a message, which is then to be sent. */
  ask(make: Make): boolean {
    const at = this.#questionAt(this.#asked)
    const here = this.#writable(make)
    this.#words[at] = here ? HERE : BY_MESSAGE
    if (here) this.#write(make, at)
    this.#asked++
    this.#count(ASKED, this.#asked)
    return here
  }

  /** Waits until there is a question that was not taken; `undefined` when there is one already. */
  asking(): Promise<unknown> | undefined {
    return this.#change(ASKED, this.#asked)
  }

  /** Takes the next question; `undefined` when it comes as a message. */
  question(): Make | undefined {
    const at = this.#questionAt(this.#asked++)
    return this.#words[at] === HERE ? this.#read(at) : undefined
  }

  /** Answers the first question that has no answer; without `alike` it was answered by a message. */
  answer(alike?: Alike): void {
    const at = this.#answerAt(this.#answered)
    const words = this.#words
    words[at] = alike === undefined ? BY_MESSAGE : HERE
    if (alike !== undefined) {
      const { addresses, batch, epoch, form, hash } = alike
      words[at + 1] = form
      words[at + 2] = epoch
      words[at + 3] = batch
      words[at + 4] = addresses.length
      words[at + 5] = hash === undefined ? 0 : 1
      if (hash !== undefined) this.#bytes.set(hash, 8 * (at + ANSWER))
      for (let slot = 0; slot < addresses.length; slot++) words[at + ANSWER + HASH + slot] = addresses[slot] as number
    }
    this.#answered++
    this.#count(ANSWERED, this.#answered)
  }

  /** Waits until there is an answer that was not taken; `undefined` when there is one already. */
  answering(): Promise<unknown> | undefined {
    return this.#change(ANSWERED, this.#answered)
  }

  /** Whether there is an answer that was not taken. */
  get isAnswered(): boolean {
    return Atomics.load(this.#counters, ANSWERED) !== (this.#answered | 0)
  }

  /** The next answer; `undefined` when it comes as a message. To be asked for when there is one. */
  get due(): Alike | undefined {
    const at = this.#answerAt(this.#answered)
    const words = this.#words
    if (words[at] !== HERE) return undefined
    const count = words[at + 4] as number // `answer` wrote it, as the rest
    const addresses: Array<number> = []
    for (let slot = 0; slot < count; slot++) addresses.push(words[at + ANSWER + HASH + slot] as number)
    const from = 8 * (at + ANSWER)
    return {
      form: words[at + 1] as number,
      epoch: words[at + 2] as number,
      batch: words[at + 3] as number,
      addresses,
      hash: words[at + 5] === 1 ? copied(this.#bytes.subarray(from, from + 32)) : undefined
    }
  }

  /** Takes the next answer. */
  take(): void {
    this.#answered++
  }

  /** Says which stage is at work: of one that never ends nothing else is heard. */
  enter(name: string): void {
    let bytes = this.#names.get(name)
    if (bytes === undefined) {
      bytes = new TextEncoder().encode(name).subarray(0, LONGEST)
      this.#names.set(name, bytes)
    }
    this.#bytes.set(bytes, NAME + 4)
    Atomics.store(this.#counters, NAME / 4, bytes.length)
  }

  /** The stage that the thread was at last; none before the first. */
  get stage(): string | undefined {
    const length = Atomics.load(this.#counters, NAME / 4)
    return length === 0
      ? undefined
      : new TextDecoder().decode(copied(this.#bytes.subarray(NAME + 4, NAME + 4 + length)))
  }

  /** Whether so many slots can come with an answer. */
  static fits(slots: number): boolean {
    return slots <= SLOTS
  }

  /** Wakes whoever waits on this side, for good. */
  wake(): void {
    Atomics.notify(this.#counters, ANSWERED)
  }

  #questionAt(number: number): number {
    return CELLS / 8 + (number % this.#extent.cells) * this.#question
  }

  #answerAt(number: number): number {
    const { cells } = this.#extent
    return CELLS / 8 + cells * this.#question + (number % cells) * this.#answer
  }

  #count(at: number, value: number): void {
    Atomics.store(this.#counters, at, value | 0)
    Atomics.notify(this.#counters, at)
  }

  #change(at: number, seen: number): Promise<unknown> | undefined {
    // To ask for a wait costs a multiple of a look.
    if (Atomics.load(this.#counters, at) !== (seen | 0)) return undefined
    const outcome = Atomics.waitAsync(this.#counters, at, seen | 0)
    return outcome.async ? outcome.value : undefined
  }

  #writable({ dropped, free, indices, left, seeds }: Make): boolean {
    const { rows } = this.#extent
    return (
      left === undefined &&
      dropped === undefined &&
      indices.length <= rows &&
      free.length <= SLOTS &&
      seeds.every(([name, own]) => this.#places.has(name) && isPlain(own) && own.words.length <= 4 * rows)
    )
  }

  #write({ batch, epoch, free, indices, ordinal, position, seeds }: Make, at: number): void {
    const words = this.#words
    words[at + 1] = epoch
    words[at + 2] = batch
    words[at + 3] = indices.length
    words[at + 4] = seeds.length
    words[at + 5] = free.length
    words[at + 6] = position
    words[at + 7] = ordinal
    let next = at + QUESTION
    for (const { address, length } of free) {
      words[next++] = address
      words[next++] = length
    }
    words.set(indices, next)
    next += indices.length
    for (const [name, own] of seeds) {
      if (!isPlain(own)) continue // `#writable` has seen to it
      words[next] = this.#places.get(name) ?? -1
      words[next + 1] = own.words.length
      this.#halves.set(own.words, 2 * (next + 2))
      next += 2 + own.words.length / 2
    }
  }

  #read(at: number): Make {
    const words = this.#words
    const { stages } = this.#extent
    // Each is one that `#write` wrote.
    const word = (place: number): number => words[place] as number
    let next = at + QUESTION
    const free: Array<Slot> = []
    for (let left = word(at + 5); left > 0; left--) free.push({ address: word(next++), length: word(next++) })
    const indices = new Float64Array(word(at + 3))
    indices.set(words.subarray(next, next + indices.length))
    next += indices.length
    const seeds: Array<readonly [string, Seeds]> = []
    for (let left = word(at + 4); left > 0; left--) {
      const own = new Uint32Array(word(next + 1))
      const name = stages[word(next)] ?? ""
      own.set(this.#halves.subarray(2 * (next + 2), 2 * (next + 2) + own.length))
      next += 2 + own.length / 2
      seeds.push([name, { _tag: "Packed", algorithm: xoshiro, width: 4, words: own }])
    }
    return {
      _tag: "Make",
      epoch: word(at + 1),
      batch: word(at + 2),
      position: word(at + 6),
      ordinal: word(at + 7),
      indices,
      seeds,
      free
    }
  }
}

const questionWords = ({ rows, stages }: Extent): number => QUESTION + 2 * SLOTS + rows + stages.length * (2 + 2 * rows)

const answerWords = ANSWER + HASH + SLOTS

type Plain = Extract<Seeds, { readonly _tag: "Packed" }>

/** Seeds that all of Furrow's own policies give: four words a row. */
const isPlain = (seeds: Seeds): seeds is Plain =>
  seeds._tag === "Packed" && seeds.algorithm === xoshiro && seeds.width === 4

/** Not `slice`, which makes shared memory of shared memory. */
const copied = (bytes: Uint8Array): Uint8Array => {
  const own = new Uint8Array(bytes.length)
  own.set(bytes)
  return own
}
