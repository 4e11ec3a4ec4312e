/**
 * An rng that keeps a list of what is drawn from it.
 *
 * @since 0.1.0
 */

import { type ChoiceOptions, Rng } from "../random/generators/Generator.ts"
import type { Seed } from "../random/Seed.ts"
import type { Coordinates } from "./Coordinates.ts"
import type { Draw } from "./Service.ts"

/**
 * Draws as `inner` does, and appends each call of a stage (not those that one method makes of another) to `log`.
 * Streams that are forked from it are recorded too, under the fork's name.
 *
 * @since 0.1.0
 */
export class RecordingRng extends Rng {
  readonly #inner: Rng
  readonly #coordinates: Coordinates
  readonly #log: Array<Draw>
  readonly #prefix: string

  constructor(inner: Rng, coordinates: Coordinates, log: Array<Draw>, prefix = "") {
    super()
    this.#inner = inner
    this.#coordinates = coordinates
    this.#log = log
    this.#prefix = prefix
  }

  get seed(): Seed {
    return this.#inner.seed
  }

  override word(): number {
    return this.#note("word", [], this.#inner.word())
  }

  override float(): number {
    return this.#note("float", [], this.#inner.float())
  }

  override double(): number {
    return this.#note("double", [], this.#inner.double())
  }

  override integer(bound: number): number {
    return this.#note("integer", [bound], this.#inner.integer(bound))
  }

  override between(low: number, high: number): number {
    return this.#note("between", [low, high], this.#inner.between(low, high))
  }

  override bernoulli(p = 0.5): boolean {
    return this.#note("bernoulli", [p], this.#inner.bernoulli(p))
  }

  override uniform(low = 0, high = 1): number {
    return this.#note("uniform", [low, high], this.#inner.uniform(low, high))
  }

  override normal(mean = 0, deviation = 1): number {
    return this.#note("normal", [mean, deviation], this.#inner.normal(mean, deviation))
  }

  override standardNormal(): number {
    return this.#note("standardNormal", [], this.#inner.standardNormal())
  }

  override gamma(shape: number): number {
    return this.#note("gamma", [shape], this.#inner.gamma(shape))
  }

  override beta(a: number, b: number): number {
    return this.#note("beta", [a, b], this.#inner.beta(a, b))
  }

  override permutation(size: number): Uint32Array {
    const order = this.#inner.permutation(size)
    this.#note("permutation", [size], order.slice())
    return order
  }

  override shuffle<A extends Uint32Array | Float64Array | Array<unknown>>(items: A): A {
    this.#inner.shuffle(items)
    this.#note("shuffle", [items.length], items.slice())
    return items
  }

  override choice(size: number, count: number, options: ChoiceOptions = {}): Array<number> {
    const chosen = this.#inner.choice(size, count, options)
    this.#note("choice", [size, count, options], chosen.slice())
    return chosen
  }

  override fill<A extends Parameters<Rng["fill"]>[0]>(target: A): A {
    this.#inner.fill(target)
    this.#note("fill", [target.length], target.slice())
    return target
  }

  override fillNormal<A extends Float32Array | Float64Array>(target: A, mean = 0, deviation = 1): A {
    this.#inner.fillNormal(target, mean, deviation)
    this.#note("fillNormal", [target.length, mean, deviation], target.slice())
    return target
  }

  override fork(name: string): Rng {
    return new RecordingRng(this.#inner.fork(name), this.#coordinates, this.#log, `${this.#prefix}${name}/`)
  }

  #note<A>(method: string, args: ReadonlyArray<unknown>, value: A): A {
    this.#log.push({ coordinates: this.#coordinates, method: this.#prefix + method, arguments: args, value })
    return value
  }
}
