#!/usr/bin/env bun
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
/**
 * The article's story in the terminal: the bug, each fix, its flaw, the cure. One pipeline is run under one layer after
 * another; what it drew stands in tables like the article's, repeats marked and counted.
 *
 *     bun run pipelines/article.ts            deno run -A pipelines/article.ts
 *
 * Exit codes: 0 told, 1 failed, 2 wrong usage.
 */
import { plural } from "../src/core/Plural.ts"
import { draw } from "./article/Draws.ts"
import { read } from "./article/NumPyState.ts"
import { chapters, unseeded } from "./article/Story.ts"
import { repeated, table } from "./article/Table.ts"
import { main } from "./cli/Main.ts"
import { color, print } from "./cli/Print.ts"
import { reading } from "./cli/Reading.ts"

const wholeSeed = (text: string): Either.Either<bigint, string> =>
  /^\d+$/.test(text) && BigInt(text) < 2n ** 63n
    ? Either.right(BigInt(text))
    : Either.left("is no whole number from 0 to 2^63 - 1")

const command = Command.make(
  "article",
  {
    seed: reading("seed", "n", "The seed of torch, and of the cure (default 42)", wholeSeed).pipe(
      Options.withDefault(42n)
    ),
    numpyState: Options.text("numpy-state").pipe(
      Options.withPseudoName("file"),
      Options.withDescription("NumPy's state in the parent process, np.random.get_state() as a JSON list"),
      Options.optional
    ),
    json: Options.boolean("json").pipe(Options.withDescription("Print all draws as JSON, the last line of stdout"))
  },
  ({ json, numpyState, seed }) =>
    Effect.gen(function* () {
      const parent = yield* Option.match(numpyState, { onNone: () => Effect.succeed(unseeded), onSome: read })
      const told = yield* Effect.forEach(chapters(parent, seed, Option.isSome(numpyState)), (chapter) =>
        Effect.gen(function* () {
          const samples = yield* draw(chapter)
          const count = repeated(samples)
          print(`\n${chapter.title}`)
          for (const line of chapter.text) print(`  ${line.replaceAll("\n", "\n  ")}`)
          print("")
          for (const line of table(samples, color)) print(line)
          print(`  repeats: ${count} of ${plural(samples.length, "sample")}. ${chapter.flaw}`)
          const { epochs, name, workers } = chapter
          return { name, workers, epochs, repeated: count, samples }
        })
      )
      if (json) print(JSON.stringify({ seed: String(seed), chapters: told }))
    })
).pipe(Command.withDescription("Shows the bug of a thousand projects, its fixes and their flaws, and the cure"))

if (import.meta.main) await main("article", command)
