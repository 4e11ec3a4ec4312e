/**
 * Which rank this process is, of how many: from the environment, by Furrow's names or by those that launchers set.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { environment } from "../../core/runtime.ts"
import { MAX_WORLD } from "../plan/Plan.ts"
import type { Ranks } from "../plan/RunPlan.ts"

/**
 * This process's rank and the world size: `FURROW_RANK` and `FURROW_WORLD_SIZE`, else `RANK` and `WORLD_SIZE` as torchrun
 * and other launchers set them, else rank 0 of 1. To be spread into the options of `Scheduler.open`.
 *
 * Fails with `ConfigError` if one is not a whole number, if the rank is not below the world size, if the world size is
 * above 1 and no rank is set (every process would be rank 0), or if a rank is set and no world size. Reads through
 * Effect's `ConfigProvider`.
 *
 * @example
 * import { ConfigProvider, Effect, Layer } from "effect"
 * import { Scheduler } from "furrow"
 *
 * const environment = new Map([["RANK", "3"], ["WORLD_SIZE", "8"]])
 * const ranks = Scheduler.ranksFromConfig.pipe(
 *   Effect.provide(Layer.setConfigProvider(ConfigProvider.fromMap(environment)))
 * )
 * console.assert(JSON.stringify(Effect.runSync(ranks)) === '{"rank":3,"world":8}')
 *
 * @category config
 * @since 0.1.0
 */
export const ranksFromConfig: Effect.Effect<Required<Ranks>, ConfigError.ConfigError> = Effect.gen(function* () {
  const rank = yield* either("FURROW_RANK", "RANK")
  const world = yield* either("FURROW_WORLD_SIZE", "WORLD_SIZE")
  if (Option.isNone(world)) {
    if (Option.isNone(rank)) return { rank: 0, world: 1 }
    const { name, value } = rank.value
    return yield* invalid(
      name,
      `rank ${value} of how many is unknown: neither FURROW_WORLD_SIZE nor WORLD_SIZE is set; set one beside ${name}`
    )
  }
  const { name, value: size } = world.value
  if (size < 1 || size > MAX_WORLD) return yield* invalid(name, `${size} is no world size from 1 to ${MAX_WORLD}`)
  if (Option.isNone(rank)) {
    if (size === 1) return { rank: 0, world: 1 }
    return yield* invalid(
      name,
      `the world size is ${size} and neither FURROW_RANK nor RANK is set, so every process would be rank 0; ` +
        `set one of them to this process's number, 0 to ${size - 1}`
    )
  }
  if (rank.value.value >= size) {
    return yield* invalid(rank.value.name, `rank ${rank.value.value} is not below the world size ${size}`)
  }
  return { rank: rank.value.value, world: size }
})

/**
 * The same for code without Effect, from this process's environment. Throws `InvalidOption`.
 *
 * @example
 * import { Scheduler } from "furrow"
 *
 * const { rank, world } = Scheduler.ranksFromEnvironment()
 * console.assert(rank < world)
 *
 * @category config
 * @since 0.1.0
 */
export const ranksFromEnvironment = (): Required<Ranks> => {
  const exit = Effect.runSyncExit(ranksFromConfig)
  if (Exit.isSuccess(exit)) return exit.value
  const error = Cause.squash(exit.cause)
  // Of the value an error shows the start alone: the way out belongs before it.
  const isInvalid = ConfigError.isConfigError(error) && error._op === "InvalidData"
  const reason = isInvalid ? `${error.path.join(".")}: ${error.message}` : String(error)
  const value = Object.fromEntries(
    NAMES.flatMap((name) => {
      const own = environment(name)
      return own === undefined ? [] : [[name, own]]
    })
  )
  const expected = `RANK and WORLD_SIZE, both or neither (${reason})`
  throw new InvalidOption({ option: "the environment's ranks", value, expected })
}

const NAMES = ["FURROW_RANK", "RANK", "FURROW_WORLD_SIZE", "WORLD_SIZE"]

const invalid = (name: string, message: string) => Effect.fail(ConfigError.InvalidData([name], message))

/** A whole number of at least 0, with the name of its variable. */
const variable = (name: string) =>
  Config.string().pipe(
    Config.mapOrFail((text) => {
      const value = Number(text)
      if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return Either.right({ name, value })
      return Either.left(ConfigError.InvalidData([], `${JSON.stringify(text)} is no whole number of at least 0`))
    }),
    Config.nested(name)
  )

/** The first of two variables that is set. `Config.orElse` would report both where the second one is invalid. */
const either = (own: string, usual: string) =>
  Effect.flatMap(Config.option(variable(own)), (found) =>
    Option.isSome(found) ? Effect.succeed(found) : Config.option(variable(usual))
  )
