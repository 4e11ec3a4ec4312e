/**
 * The cells of a {@link SharedQueue}: how requests and answers lie in its memory.
 *
 * ```text
 *   request:  id | epoch | batch | worker | rows | stages | position | ordinal | indices … | stage, words, seeds … …
 *   answer:   layout | generation | KiB | slots | has a hash | has seeds | hash, 4 words | addresses …
 * ```
 *
 * All are words of 8 bytes. Seeds that a thread derives, and that are observed, take the place of those of the request.
 *
 * @since 0.1.0
 */
import { algorithm as xoshiro } from "../../../random/generators/Xoshiro128.ts"
import type { Seeds } from "../../../seeding/Request.ts"
import { copyOf } from "../remote/BatchCodec.ts"
import type { BatchRequest, StageSeeds } from "../remote/Protocol.ts"

/** The most places in memory that a batch may lie in to be answered in a cell. @since 0.1.0 */
export const SLOTS = 64

/** How many words a request and an answer have before their lists, and a hash has. */
const REQUEST = 8
const ANSWER = 6
const HASH = 4

/** What a queue is made for. @since 0.1.0 */
export interface Extent {
  /** How many requests may be without an answer. */
  readonly cells: number
  /** The most rows of a batch. */
  readonly rows: number
  /** The names of the pipeline's stages. */
  readonly stages: ReadonlyArray<string>
  /** How many KiB of batches may be built and not given back before no further one is begun. */
  readonly most: number
}

/** A batch of a layout that is known. @since 0.1.0 */
export interface LaidOut {
  readonly layout: number
  /** How often the thread's memory had grown when the batch was written. */
  readonly generation: number
  /** How much memory it takes. */
  readonly kibibytes: number
  /** Where its slots are. */
  readonly addresses: ReadonlyArray<number>
  readonly hash: Uint8Array | undefined
  /** The seeds that it was built with, where they are reported. */
  readonly observed?: StageSeeds | undefined
}

/** How many words one cell takes. @since 0.1.0 */
export const cellWords = (extent: Extent): number => requestWords(extent) + ANSWER + HASH + SLOTS

const requestWords = ({ rows, stages }: Extent): number => REQUEST + rows + stages.length * (2 + 2 * rows)

/** @since 0.1.0 */
export class QueueCells {
  readonly #extent: Extent
  readonly #first: number
  readonly #size: number
  readonly #words: Float64Array
  /** The same memory by halves of words, for seeds. */
  readonly #halves: Uint32Array
  readonly #bytes: Uint8Array
  readonly #stages: ReadonlyMap<string, number>

  /** The cells begin at word `first` of the buffer. */
  constructor(extent: Extent, buffer: SharedArrayBuffer, first: number) {
    this.#extent = extent
    this.#first = first
    this.#size = cellWords(extent)
    this.#words = new Float64Array(buffer)
    this.#halves = new Uint32Array(buffer)
    this.#bytes = new Uint8Array(buffer)
    this.#stages = new Map(extent.stages.map((name, place) => [name, place]))
  }

  /** Whether a cell has room for a request. */
  fits({ indices, rows: origins, samples, seeds }: BatchRequest): boolean {
    const { rows } = this.#extent
    return origins === undefined && samples === undefined && indices.length <= rows && this.fitSeeds(seeds)
  }

  /** Whether a cell has room for seeds. */
  fitSeeds(seeds: StageSeeds): boolean {
    const { rows } = this.#extent
    return seeds.every(([name, own]) => this.#stages.has(name) && isPlain(own) && own.words.length <= 4 * rows)
  }

  /** Whether the request in a cell comes before that in another one, in the order of the plan. */
  isBefore(cell: number, other: number): boolean {
    const [own, its] = [this.#requestAt(cell), this.#requestAt(other)]
    const words = this.#words
    const epochs = (words[own + 1] as number) - (words[its + 1] as number) // both are written, as the rest
    return epochs < 0 || (epochs === 0 && (words[own + 2] as number) < (words[its + 2] as number))
  }

  write(cell: number, id: number, { batch, epoch, indices, ordinal, position, seeds, worker }: BatchRequest): void {
    const words = this.#words
    const at = this.#requestAt(cell)
    words[at] = id
    words[at + 1] = epoch
    words[at + 2] = batch
    words[at + 3] = worker
    words[at + 4] = indices.length
    words[at + 6] = position
    words[at + 7] = ordinal
    words.set(indices, at + REQUEST)
    this.#writeSeeds(at, seeds)
  }

  /** Writes seeds behind the indices of the request at a word. */
  #writeSeeds(at: number, seeds: StageSeeds): void {
    const words = this.#words
    words[at + 5] = seeds.length
    let next = at + REQUEST + (words[at + 4] as number) // `write` wrote it
    for (const [name, own] of seeds) {
      if (!isPlain(own)) continue // `fits` has seen to it
      words[next] = this.#stages.get(name) ?? -1
      words[next + 1] = own.words.length
      this.#halves.set(own.words, 2 * (next + 2))
      next += 2 + own.words.length / 2
    }
  }

  read(cell: number): { readonly id: number; readonly request: BatchRequest } {
    const at = this.#requestAt(cell)
    const words = this.#words
    // Each is one that `write` wrote.
    const word = (place: number): number => words[place] as number
    const indices = new Float64Array(word(at + 4))
    const first = at + REQUEST
    indices.set(words.subarray(first, first + indices.length))
    return {
      id: word(at),
      request: {
        epoch: word(at + 1),
        batch: word(at + 2),
        worker: word(at + 3),
        position: word(at + 6),
        ordinal: word(at + 7),
        indices,
        seeds: this.#seedsAt(at)
      }
    }
  }

  /** The seeds of the request at a word. */
  #seedsAt(at: number): StageSeeds {
    const words = this.#words
    // Each is one that `#writeSeeds` wrote.
    const word = (place: number): number => words[place] as number
    const seeds: Array<readonly [string, Seeds]> = []
    let next = at + REQUEST + word(at + 4)
    for (let left = word(at + 5); left > 0; left--) {
      const own = new Uint32Array(word(next + 1))
      const name = this.#extent.stages[word(next)] ?? ""
      own.set(this.#halves.subarray(2 * (next + 2), 2 * (next + 2) + own.length))
      next += 2 + own.length / 2
      seeds.push([name, { _tag: "Packed", algorithm: xoshiro, width: 4, words: own }])
    }
    return seeds
  }

  writeAnswer(cell: number, { addresses, generation, hash, kibibytes, layout, observed }: LaidOut): void {
    if (observed !== undefined) this.#writeSeeds(this.#requestAt(cell), observed)
    const at = this.#answerAt(cell)
    const words = this.#words
    words[at] = layout
    words[at + 1] = generation
    words[at + 2] = kibibytes
    words[at + 3] = addresses.length
    words[at + 4] = hash === undefined ? 0 : 1
    words[at + 5] = observed === undefined ? 0 : 1
    if (hash !== undefined) this.#bytes.set(hash, 8 * (at + ANSWER))
    for (let slot = 0; slot < addresses.length; slot++) words[at + ANSWER + HASH + slot] = addresses[slot] as number // below the length
  }

  answer(cell: number): LaidOut {
    const at = this.#answerAt(cell)
    const words = this.#words
    const count = words[at + 3] as number // `writeAnswer` wrote it, as the rest
    const addresses: Array<number> = []
    for (let slot = 0; slot < count; slot++) addresses.push(words[at + ANSWER + HASH + slot] as number)
    const from = 8 * (at + ANSWER)
    return {
      layout: words[at] as number,
      generation: words[at + 1] as number,
      kibibytes: words[at + 2] as number,
      addresses,
      observed: words[at + 5] === 1 ? this.#seedsAt(this.#requestAt(cell)) : undefined,
      hash: words[at + 4] === 1 ? copyOf(this.#bytes.subarray(from, from + 32)) : undefined
    }
  }

  #requestAt(cell: number): number {
    return this.#first + cell * this.#size
  }

  #answerAt(cell: number): number {
    return this.#requestAt(cell) + requestWords(this.#extent)
  }
}

type Plain = Extract<Seeds, { readonly _tag: "Packed" }>

/** The seeds of Furrow's own policies: four words a row. */
const isPlain = (seeds: Seeds): seeds is Plain =>
  seeds._tag === "Packed" && seeds.algorithm === xoshiro && seeds.width === 4
