/**
 * What a run over the digits stands on: seed, policy and data, by flags or by the environment.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Seed, SeedPolicy } from "../../src/index.ts"
import { Usage } from "../cli/Main.ts"
import { tell } from "../cli/Print.ts"
import { digits, files } from "./Packaged.ts"

/** What the flag says, else what the environment says. */
export const seedFrom = (flag: Option.Option<Seed.Root>) =>
  Option.match(flag, {
    onSome: Effect.succeed,
    onNone: () => Effect.flatMap(Config.string("FURROW_SEED").pipe(Config.withDefault("0")), Seed.parse)
  })

/** Says that the seed is 0 where neither the flag nor the environment gives one. */
export const tellSeed = (flag: Option.Option<Seed.Root>) =>
  Effect.gen(function* () {
    if (Option.isSome(flag) || Option.isSome(yield* Config.option(Config.string("FURROW_SEED")))) return
    tell("The run's seed is 0, as neither --seed nor FURROW_SEED is set.\n")
  })

export const policyFrom = (flag: Option.Option<string>, seed: Seed.Root) =>
  Effect.flatMap(
    Option.match(flag, {
      onSome: Effect.succeed,
      onNone: () => Config.string("FURROW_SEED_POLICY").pipe(Config.withDefault("epochWorker"))
    }),
    (name) => SeedPolicy.byName(name, seed)
  )

/** The files of a folder, which is to be there. */
const folder = (path: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const is = yield* Effect.option(fs.stat(path))
    if (Option.isNone(is) || is.value.type !== "Directory") {
      const off = Option.isNone(is) ? "does not exist" : "is no folder"
      const message = `--data ${JSON.stringify(path)} ${off}; give the folder with MNIST's four IDX files`
      return yield* new Usage({ message })
    }
    return yield* files(path)
  })

/** The number that splits the packaged digits into those to train and those to test with. */
export const splitOf = ({ high, low }: Seed.Root): bigint => (BigInt(high) << 32n) | BigInt(low)

/** The digits: those of a folder, or the packaged ones. */
export const dataFrom = (flag: Option.Option<string>, seed: Seed.Root) =>
  Option.match(flag, { onNone: () => digits(splitOf(seed)), onSome: folder })
