/**
 * Which rank this process is, of how many: from the environment, by Furrow's names or by those that launchers set.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Ranks } from "./Job.ts"

/** The most processes that a run can be shared by: what the seed packing has room for. @since 0.1.0 */
export const MAX_WORLD = 65_536

/**
 * This process's rank and the world's size: `FURROW_RANK` and `FURROW_WORLD_SIZE`, else `RANK` and `WORLD_SIZE` as
 * torchrun and its like set them, else rank 0 of 1. To be spread into `Scheduler.open`'s options.
 *
 * Fails with `ConfigError` when one is no whole number, when the rank is not below the world's size, or when there is a
 * rank above 0 without a size. Reads through Effect's `ConfigProvider`.
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
 * @since 0.1.0
 */
export const ranksFromConfig: Effect.Effect<Required<Ranks>, ConfigError.ConfigError> = Effect.gen(function* () {
  const rank = yield* either("FURROW_RANK", "RANK")
  const world = yield* either("FURROW_WORLD_SIZE", "WORLD_SIZE")
  const size = Option.match(world, { onNone: () => 1, onSome: ({ value }) => value })
  if (Option.isSome(world) && (size < 1 || size > MAX_WORLD)) {
    return yield* invalid(world.value.name, `${size} is no world size from 1 to ${MAX_WORLD}`)
  }
  if (Option.isSome(rank) && rank.value.value >= size) {
    const hint = Option.isNone(world) ? "; set FURROW_WORLD_SIZE, too" : ""
    return yield* invalid(rank.value.name, `rank ${rank.value.value} is not below the world size ${size}${hint}`)
  }
  return { rank: Option.match(rank, { onNone: () => 0, onSome: ({ value }) => value }), world: size }
})

const invalid = (name: string, message: string) => Effect.fail(ConfigError.InvalidData([name], message))

/** The first of two variables that is set. */
const either = (own: string, usual: string) =>
  Effect.gen(function* () {
    for (const name of [own, usual]) {
      const text = yield* Config.option(Config.string(name))
      if (Option.isNone(text)) continue
      const value = Number(text.value)
      if (!/^\d+$/.test(text.value) || !Number.isSafeInteger(value)) {
        return yield* invalid(name, `${JSON.stringify(text.value)} is no whole number of at least 0`)
      }
      return Option.some({ name, value })
    }
    return Option.none<{ readonly name: string; readonly value: number }>()
  })
