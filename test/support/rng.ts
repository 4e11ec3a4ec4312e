/**
 * Generators for tests: one a number, as unlike each other as Furrow's own.
 */
import { block } from "../../src/random/generators/Philox.ts"
import { Xoshiro128 } from "../../src/random/generators/Xoshiro128.ts"
import { Rng } from "../../src/random/Rng.ts"

/** The generator of a number below 2^32. */
export const at = (seed: number): Rng => {
  const words = new Uint32Array(4)
  block(seed, 0, 0, 0, 7, 9, words, 0)
  return new Xoshiro128().reseed(words, 0)
}

/**
 * A generator that gives what its script says, call by call: the value itself for `uniform`, `integer`,
 * `standardNormal` and `float`, 0 or 1 for `bernoulli`, a list for `permutation`. A value that the call could not have
 * given is refused, and so is a call more than the script has.
 */
export class Scripted extends Rng {
  readonly seed = { algorithm: "scripted", words: [0] }
  readonly #script: Array<number | ReadonlyArray<number>>

  constructor(script: ReadonlyArray<number | ReadonlyArray<number>>) {
    super()
    this.#script = [...script]
  }

  /** How much of the script has not been drawn. */
  get left(): number {
    return this.#script.length
  }

  #next(from: number, to: number): number {
    const value = this.#script.shift()
    if (typeof value === "number" && value >= from && value <= to) return value
    throw new RangeError(`the script has ${JSON.stringify(value)} where ${from} … ${to} is drawn`)
  }

  word(): number {
    return this.#next(0, 2 ** 32 - 1)
  }

  override float(): number {
    return this.#next(0, 1)
  }

  override uniform(low = 0, high = 1): number {
    return this.#next(low, high)
  }

  override integer(bound: number): number {
    return this.#next(0, bound - 1)
  }

  override bernoulli(): boolean {
    return this.#next(0, 1) === 1
  }

  override standardNormal(): number {
    return this.#next(-Infinity, Infinity)
  }

  override permutation(size: number): Uint32Array {
    const order = this.#script.shift()
    if (Array.isArray(order) && order.length === size) return Uint32Array.from(order)
    throw new RangeError(`the script has ${JSON.stringify(order)} where a permutation of ${size} is drawn`)
  }
}

export const scripted = (...script: ReadonlyArray<number | ReadonlyArray<number>>): Scripted => new Scripted(script)
