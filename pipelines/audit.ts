#!/usr/bin/env bun
/**
 * Audits seed policies, or a pipeline of your own: which streams are one and the same, over workers, epochs, ranks and
 * runs with neighboring seeds.
 *
 *     bun run pipelines/audit.ts                              every policy of the article, and Furrow's
 *     bun run pipelines/audit.ts --pipeline ./mine.ts         a module that exports `pipeline` and `layer`
 *
 * Exit codes: 0 nothing repeats, 1 a policy repeats, 2 wrong usage.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type Seed, SeedAudit } from "../src/index.ts"
import { legend, matrix } from "./audit/Matrix.ts"
import { load } from "./audit/Module.ts"
import { page } from "./audit/Page.ts"
import * as Policies from "./audit/Policies.ts"
import * as Words from "./audit/Words.ts"
import { Found, main, Usage } from "./cli/Main.ts"
import { color, print } from "./cli/Print.ts"
import { listOf, oneOf, reading, seed, uneven, whole, workers } from "./cli/Reading.ts"

/** A seed as the library takes it: digits are a number. */
const rootInput = (text: string) => Either.map(seed(text), () => (/^\d+$/.test(text) ? BigInt(text) : text))

const options = {
  policies: reading(
    "policies",
    "names",
    `The policies to audit, with commas between them (default all): ${Policies.names.join(", ")}`,
    listOf(oneOf(Policies.names))
  ).pipe(Options.withDefault(Policies.names)),
  epochs: reading("epochs", "n", "Epochs of each run (default 3)", whole(1, 1000)).pipe(Options.withDefault(3)),
  workers,
  ranks: reading("ranks", "n", "Processes that share each epoch (default 1)", whole(1, 1024)).pipe(
    Options.withDefault(1)
  ),
  uneven,
  seeds: reading("seeds", "a,b", "The runs' seeds (default 42,43)", listOf(rootInput)).pipe(Options.optional),
  batches: reading("batches", "n", "Batches an epoch, len(dataloader) (default 8)", whole(1, 1_000_000)).pipe(
    Options.withDefault(8)
  ),
  samples: reading("samples", "n", "Samples of each worker and epoch to look at (default 8)", whole(1)).pipe(
    Options.withDefault(8)
  ),
  shift: reading("shift", "n", "Find streams shifted by up to so many words (default 1000)", whole(0, 1_000_000)).pipe(
    Options.withDefault(1000)
  ),
  rankSeeds: Options.choice("rank-seeds", ["own", "same"]).pipe(
    Options.withDescription(
      "Whether PyTorch's ranks have seeds of their own, or the run's as many scripts do (default own)"
    ),
    Options.withDefault("own" as const)
  ),
  pipeline: Options.text("pipeline").pipe(
    Options.withPseudoName("module"),
    Options.withDescription(
      "Audit this module's `pipeline` under its `layer` (a Layer, or a function from a seed to one)"
    ),
    Options.optional
  ),
  html: Options.text("html").pipe(
    Options.withPseudoName("file"),
    Options.withDescription("Write the audit as one page, which needs no network"),
    Options.optional
  ),
  json: Options.boolean("json").pipe(Options.withDescription("Print the reports as JSON, the last line of stdout"))
}

interface Audited {
  readonly title: string
  readonly note: string
  readonly report: SeedAudit.RunReport
}

const show = ({ note, report, title }: Audited): void => {
  print(`\n${title} (${note})`)
  if (report.verdict === "repeats") {
    for (const line of matrix(report, color)) print(line)
    for (const own of report.patterns.slice(0, 6)) print(`  ${Words.pattern(own)}`)
    if (report.patterns.length > 6) print(`  … and ${report.patterns.length - 6} more patterns`)
    for (const { first, second } of report.orders.slice(0, 3)) {
      const [a, b] = [report.seeds[first.run], report.seeds[second.run]]
      print(`  the order of run ${b}, epoch ${second.epoch} is that of run ${a}, epoch ${first.epoch}`)
    }
    const [example] = report.examples
    if (example !== undefined) print(`  ${Words.repeat(report.seeds, example)}`)
  }
  const odds = Words.odds(report)
  if (odds !== undefined) print(`  ${odds}`)
  const shifted = report.shifted > 0 ? `, ${report.shifted} pairs shifted into each other` : ""
  print(`  ${report.verdict}: ${report.repeated} of ${report.streams} streams repeat another${shifted}`)
}

/** A command's options as they come. */
type Flags = Command.Command.ParseConfig<typeof options>

const auditModule = (path: string, flags: Flags, extent: SeedAudit.Options) =>
  Effect.gen(function* () {
    const { layer, pipeline } = yield* load(path)
    print(`${path}\n${String(pipeline)}`)
    if (typeof layer !== "function" && Option.isSome(flags.seeds)) {
      return yield* new Usage({ message: "--seeds has no use here: the module's layer is no function of a seed" })
    }
    const report = yield* SeedAudit.run(pipeline, layer, extent)
    return [{ title: report.policy, note: path, report }]
  })

const fits = (seed: Seed.RootInput, bits: number): boolean =>
  typeof seed !== "string" && BigInt(seed) < 1n << BigInt(bits)

const auditPolicies = (flags: Flags, extent: SeedAudit.Options) =>
  Effect.gen(function* () {
    const setting = { workers: flags.workers, batches: flags.batches, ownRankSeeds: flags.rankSeeds === "own" }
    const pipeline = Policies.pipeline(flags.batches, flags.ranks)
    const policies = yield* Effect.forEach(flags.policies, (name) => Policies.byName(name, setting))
    for (const { bits, name } of policies) {
      if (bits === undefined) continue
      const off = (extent.seeds ?? []).find((seed) => !fits(seed, bits))
      if (off === undefined) continue
      const takes = `whole numbers from 0 to ${2n ** BigInt(bits) - 1n}`
      return yield* new Usage({ message: `--seeds "${off}" cannot seed ${name}, which takes ${takes}` })
    }
    return yield* Effect.forEach(policies, ({ layer, name, note }) =>
      Effect.map(SeedAudit.run(pipeline, layer, extent), (report) => ({ title: name, note, report }))
    )
  })

/** JSON has no place for the largest seeds and counts but as text. */
const json = (audited: ReadonlyArray<Audited>): string =>
  JSON.stringify({
    verdict: audited.some(({ report }) => report.verdict === "repeats") ? "repeats" : "none",
    policies: audited.map(({ note, report, title }) => ({ name: title, note, ...report, odds: report.odds ?? null }))
  })

const command = Command.make("audit", options, (flags) =>
  Effect.gen(function* () {
    const extent: SeedAudit.Options = {
      epochs: flags.epochs,
      workers: flags.workers,
      uneven: flags.uneven,
      ranks: flags.ranks,
      samples: flags.samples,
      shift: flags.shift,
      ...Option.match(flags.seeds, { onNone: () => ({}), onSome: (seeds) => ({ seeds }) })
    }
    const audited = yield* Option.match(flags.pipeline, {
      onNone: () => auditPolicies(flags, extent),
      onSome: (path) => auditModule(path, flags, extent)
    })
    if (audited.some(({ report }) => report.verdict === "repeats")) print(`\n${legend}`)
    for (const one of audited) show(one)
    if (Option.isSome(flags.html)) {
      const file = flags.html.value
      const fs = yield* FileSystem.FileSystem
      yield* fs
        .writeFileString(file, page(audited, { heading: "Which random streams repeat" }))
        .pipe(
          Effect.mapError(({ message }) => new Usage({ message: `--html "${file}" cannot be written: ${message}` }))
        )
      print(`\nwritten: ${file}`)
    }
    if (flags.json) print(json(audited))
    if (audited.some(({ report }) => report.verdict === "repeats")) yield* new Found()
  })
).pipe(Command.withDescription("Finds out which random streams repeat under a seed policy"))

if (import.meta.main) await main("audit", command)
