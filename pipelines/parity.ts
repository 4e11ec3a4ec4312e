#!/usr/bin/env bun
/**
 * Holds Furrow's generators and policies against the draws of real NumPy, PyTorch and CPython, number by number.
 *
 *     bun run pipelines/parity.ts                    the references that come with Furrow
 *     bun run pipelines/parity.ts mine.json          others of the same form
 *     bun run pipelines/parity.ts --emit seeds.json  the same form without values, filled in by Furrow, on stdout
 *
 * Exit codes: 0 all equal, 1 a value differs, 2 wrong usage.
 */
import { fileURLToPath } from "node:url"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Found, main, Usage } from "./cli/Main.ts"
import { print } from "./cli/Print.ts"
import * as Json from "./parity/Json.ts"
import { emit, type Outcome, read, verify } from "./parity/Reference.ts"

const own = ["generators.json", "pytorch-dataloader.json", "persistent-workers.json"].map((name) =>
  fileURLToPath(new URL(`../test/parity/reference/${name}`, import.meta.url))
)

const show = ({ failed, first, passed, section, what }: Outcome): void => {
  print(`  ${section.padEnd(28)} ${what.padEnd(9)} ${passed} passed${failed > 0 ? `, ${failed} failed` : ""}`)
  if (first !== undefined) print(`    first: ${first}`)
}

const replay = (files: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    let passed = 0
    let failed = 0
    for (const name of files) {
      const outcomes = yield* Effect.flatMap(read(name), verify)
      print(name)
      for (const outcome of outcomes) {
        show(outcome)
        passed += outcome.passed
        failed += outcome.failed
      }
    }
    print(`${passed} passed, ${failed} failed`)
    if (failed > 0) yield* new Found()
  })

const command = Command.make(
  "parity",
  {
    files: Args.text({ name: "file" }).pipe(
      Args.withDescription("References to compare with (default: those that come with Furrow)"),
      Args.repeated
    ),
    emit: Options.text("emit").pipe(
      Options.withPseudoName("file"),
      Options.withDescription("A file without values; the same file with all values is printed"),
      Options.optional
    )
  },
  ({ emit: open, files }) =>
    Option.match(open, {
      onNone: () => replay(files.length === 0 ? own : files),
      onSome: (name) =>
        files.length > 0
          ? new Usage({ message: "--emit takes one file, and no other beside it" })
          : Effect.flatMap(Effect.flatMap(read(name), emit), (filled) => Effect.sync(() => print(Json.format(filled))))
    })
).pipe(Command.withDescription("Draws what NumPy, PyTorch and CPython draw, and compares"))

if (import.meta.main) await main("parity", command)
