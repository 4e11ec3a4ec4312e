/**
 * Scripts: lists of numbers that are drawn instead of a generator's.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { isOptions } from "../core/Options.ts"
import { Rng, registered } from "../random/generators/Generator.ts"
import type * as Seed from "../random/Seed.ts"
import { type Coordinates, format } from "../seeding/Coordinates.ts"

/**
 * The draws of a script: for every sample and batch, by the stage's name, or as a function of the coordinates. `undefined`,
 * or a stage that is not named, leaves the seed to the policy below.
 *
 * @category models
 * @since 0.1.0
 */
export type Script =
  | ReadonlyArray<number>
  | Readonly<Record<string, ReadonlyArray<number>>>
  | ((coordinates: Coordinates) => ReadonlyArray<number> | undefined)

/**
 * A stage drew more often than its script has draws.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScriptExhausted extends Data.TaggedError("ScriptExhausted")<{
  /** The coordinates whose script it was. */
  readonly coordinates: Coordinates
  /** How many draws the script has. */
  readonly length: number
  /** The call that asked for one more, such as `integer(9)`. */
  readonly asked: string
}> {
  override get message(): string {
    const draws = this.length === 1 ? "its one draw" : `its ${this.length} draws`
    return (
      `the script is at its end: after ${draws}, ${this.asked} asks for one more at ${format(this.coordinates)}; ` +
      "give the script more draws"
    )
  }
}

/**
 * A script has a number that the call cannot return.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScriptMismatch extends Data.TaggedError("ScriptMismatch")<{
  /** The coordinates whose script it was. */
  readonly coordinates: Coordinates
  /** Which draw of the script, counted from 0. */
  readonly draw: number
  /** How many draws the script has. */
  readonly length: number
  /** The number that stands there. */
  readonly value: number
  /** The call that it was to be the value of, such as `integer(9)`. */
  readonly asked: string
  /** What that call gives. */
  readonly expected: string
}> {
  override get message(): string {
    const { asked, coordinates, draw, expected, length, value } = this
    return (
      `draw ${draw} of the script (of ${length}, counted from 0) is ${value}, but ${asked} gives ${expected}; ` +
      `at ${format(coordinates)}`
    )
  }
}

/** The algorithm whose "state" is its script. @since 0.1.0 */
export const SCRIPTED = /* @__PURE__ */ registered("scripted", (seed) => new ScriptedRng(seed))

/** The stages that a script names, if it names any. Throws `InvalidOption` for what is not a script. @since 0.1.0 */
export const stagesOf = (script: Script): ReadonlyArray<string> | undefined => {
  if (typeof script === "function") return undefined
  if (isList(script)) {
    numbersOf("the script", script)
    return undefined
  }
  if (!isOptions(script)) {
    const expected = "draws, draws by stage, or a function from coordinates to draws"
    throw new InvalidOption({ option: "the script", value: script, expected })
  }
  for (const [stage, draws] of Object.entries(script)) numbersOf(`the script of stage ${JSON.stringify(stage)}`, draws)
  return Object.keys(script)
}

const numbersOf = (option: string, draws: unknown): void => {
  if (Array.isArray(draws) && draws.every((draw) => typeof draw === "number")) return
  throw new InvalidOption({ option, value: draws, expected: "an array of numbers, one for each draw" })
}

/** The draws that a script has for coordinates, if any. @since 0.1.0 */
export const drawsAt = (script: Script, at: Coordinates): ReadonlyArray<number> | undefined => {
  if (typeof script === "function") {
    const draws = script(at)
    if (draws !== undefined) numbersOf("what the script returns", draws)
    return draws
  }
  // An array is for the stages; the order of an epoch is not meant by it.
  if (isList(script)) return at.scope === "epoch" ? undefined : script
  return Object.hasOwn(script, at.stage.name) ? script[at.stage.name] : undefined
}

const isList = (script: Script): script is ReadonlyArray<number> => Array.isArray(script)

/**
 * A script as the words of a seed, so that it travels wherever seeds do: how many draws, the draws as float64 (low word
 * first), then the coordinates as JSON, a word a UTF-16 unit, for the error's sake.
 */
export const pack = (draws: ReadonlyArray<number>, at: Coordinates): Seed.Seed => {
  const numbers = new Uint32Array(Float64Array.from(draws).buffer)
  const json = JSON.stringify(at)
  const units = Array.from({ length: json.length }, (_, index) => json.charCodeAt(index))
  return { algorithm: SCRIPTED, words: [draws.length, ...numbers, ...units] }
}

class ScriptedRng extends Rng {
  readonly seed: Seed.Seed
  readonly #draws: Float64Array
  #next = 0

  constructor(seed: Seed.Seed) {
    super()
    this.seed = seed
    this.#draws = new Float64Array(Uint32Array.from(seed.words.slice(1, 1 + 2 * (seed.words[0] ?? 0))).buffer)
  }

  word(): number {
    return this.#take("word()", "a whole number from 0 to 2^32 - 1", (value) => value >>> 0 === value)
  }

  override float(): number {
    return this.#take("float()", "a number from 0 to below 1", (value) => value >= 0 && value < 1)
  }

  override double(): number {
    return this.#take("double()", "a number from 0 to below 1", (value) => value >= 0 && value < 1)
  }

  override integer(bound: number): number {
    whole("bound", bound, 1)
    const possible = (value: number) => Number.isInteger(value) && value >= 0 && value < bound
    return this.#take(`integer(${bound})`, `a whole number from 0 to ${bound - 1}`, possible)
  }

  override standardNormal(): number {
    return this.#take("standardNormal()", "a finite number", Number.isFinite)
  }

  #take(asked: string, expected: string, possible: (value: number) => boolean): number {
    const draw = this.#next++
    const value = this.#draws[draw]
    const { length } = this.#draws
    if (value === undefined) throw new ScriptExhausted({ coordinates: this.#coordinates(), length, asked })
    if (!possible(value)) {
      throw new ScriptMismatch({ coordinates: this.#coordinates(), draw, length, value, asked, expected })
    }
    return value
  }

  #coordinates(): Coordinates {
    // `pack` put it there.
    return JSON.parse(String.fromCharCode(...this.seed.words.slice(1 + 2 * this.#draws.length))) as Coordinates
  }
}
