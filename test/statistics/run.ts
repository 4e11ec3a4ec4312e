/**
 * `bun run test:statistics`: how good Furrow's streams are, by batteries that others made: dieharder and TestU01's
 * SmallCrush, over the streams one behind another, interleaved, and next to their neighbours in every coordinate.
 *
 *   --quick           fewer tests of dieharder, no SmallCrush: some minutes
 *   --only NAME       only the rows whose name has NAME in it ("elastic", "neighbouring epochs")
 *   --seed N          the run's seed, default 42; another one gives fresh words
 *   --crush           TestU01's Crush and nothing else: about an hour a row
 *   --values          every p-value, not only a row's counts and what is weak
 *   --list            the rows
 *
 * A p-value is WEAK below 0.005 or above 0.995 (one in a hundred is, of perfect words) and FAILED below 1e-6 or above
 * 1 - 1e-6 (one in 500,000). What is weak is looked at again on fresh words, under the run's seed plus 1000. Exit 1 when
 * anything failed, 2 on misuse or when a battery is missing.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runtime } from "../../src/core/runtime.ts"
import * as Battery from "./battery.ts"
import { kept, live, type Source, sources } from "./streams.ts"

const FRESH = 1000

type Verdict = "PASSED" | "WEAK" | "FAILED"

const verdict = (p: number): Verdict => {
  // Also what is no number at all has failed.
  if (!(p >= 1e-6 && p <= 1 - 1e-6)) return "FAILED"
  return p < 0.005 || p > 0.995 ? "WEAK" : "PASSED"
}

const say = (line: string): void => console.log(line)

class Misuse extends Error {}

const options = () => {
  try {
    return parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        seed: { type: "string", default: "42" },
        crush: { type: "boolean", default: false },
        values: { type: "boolean", default: false },
        list: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false }
      }
    }).values
  } catch (error) {
    throw new Misuse((error instanceof Error ? error.message : String(error)).split("\n")[0])
  }
}

const chosen = (only: string | undefined): ReadonlyArray<Source> => {
  const found = sources.filter(({ name }) => only === undefined || name.includes(only))
  if (found.length === 0) throw new Misuse(`no row has ${JSON.stringify(only)} in its name; --list shows them`)
  return found
}

const seedOf = (text: string): number => {
  const seed = Number(text)
  if (/^\d+$/.test(text) && seed + FRESH < 2 ** 32) return seed
  throw new Misuse(`--seed must be a whole number from 0 to ${2 ** 32 - FRESH - 1}, got ${JSON.stringify(text)}`)
}

/** The crush trials that can be had; SmallCrush is left out with a word where TestU01 is not installed. */
const crushTrials = (folder: string, quick: boolean, crush: boolean): ReadonlyArray<Battery.Trial> => {
  if (quick && !crush) return []
  const binary = join(folder, "smallcrush")
  try {
    Battery.compileTestU01(binary)
  } catch (error) {
    if (crush || !(error instanceof Battery.BatteryError)) throw error
    say(`SmallCrush is left out. ${error.message}`)
    return []
  }
  const kinds: ReadonlyArray<Battery.Crush> = crush ? ["crush"] : ["small", "reversed"]
  return kinds.map((kind) => Battery.testU01(binary, kind))
}

const main = async (folder: string): Promise<number> => {
  const { crush, help, list, only, quick, seed: text, values } = options()
  if (help || list) {
    for (const { name, what } of sources) say(`${name.padEnd(36)} ${what}`)
    return 0
  }
  const seed = seedOf(text)
  const rows = chosen(only)
  const version = Battery.dieharderVersion()
  const trials = [...(crush ? [] : Battery.dieharder(quick)), ...crushTrials(folder, quick, crush)]
  say(`dieharder ${version}, ${trials.length} programs a row, run seed ${seed}, ${runtime.name} ${runtime.version}\n`)
  say(`${"row".padEnd(36)} p-values  PASSED  WEAK  FAILED  lowest    highest   seconds`)

  const total: Record<Verdict, number> = { PASSED: 0, WEAK: 0, FAILED: 0 }
  for (const row of rows) {
    const began = performance.now()
    const count: Record<Verdict, number> = { PASSED: 0, WEAK: 0, FAILED: 0 }
    const notes: Array<string> = []
    // Crush is one trial alone, of more words than can be kept.
    const reader = crush ? () => live(row.open(seed)) : kept(row.open(seed))
    const all: Array<number> = []
    for (const trial of trials) {
      const outcomes = await Battery.run(trial, reader())
      const odd = outcomes.some(({ p }) => verdict(p) !== "PASSED")
      const again = odd ? await Battery.run(trial, live(row.open(seed + FRESH))) : []
      outcomes.forEach(({ p, test }, index) => {
        const found = verdict(p)
        count[found]++
        all.push(p)
        if (found === "PASSED" && !values) return
        const fresh = again[index]
        const second = found === "PASSED" || fresh === undefined ? "" : `; on fresh words ${fresh.p.toFixed(8)}`
        notes.push(`    ${found.padEnd(6)} ${test.padEnd(32)} ${p.toFixed(8)}${second}`)
      })
    }
    total.PASSED += count.PASSED
    total.WEAK += count.WEAK
    total.FAILED += count.FAILED
    const figures = [
      String(all.length).padStart(8),
      String(count.PASSED).padStart(7),
      String(count.WEAK).padStart(5),
      String(count.FAILED).padStart(7),
      Math.min(...all).toFixed(6),
      Math.max(...all).toFixed(6),
      ((performance.now() - began) / 1000).toFixed(0).padStart(7)
    ]
    say(`${row.name.padEnd(36)} ${figures.join("  ").trimEnd()}`)
    for (const note of notes) say(note)
  }
  const sum = total.PASSED + total.WEAK + total.FAILED
  say(
    `\n${sum} p-values: ${total.PASSED} PASSED, ${total.WEAK} WEAK (perfect words give ${(sum / 100).toFixed(1)} on average), ${total.FAILED} FAILED`
  )
  return total.FAILED > 0 ? 1 : 0
}

const folder = mkdtempSync(join(tmpdir(), "furrow-statistics-"))
const tidy = (): void => rmSync(folder, { recursive: true, force: true })
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    tidy()
    process.exit(130)
  })
}
try {
  process.exitCode = await main(folder)
} catch (error) {
  if (!(error instanceof Misuse || error instanceof Battery.BatteryError)) throw error
  console.error(error.message)
  process.exitCode = 2
} finally {
  tidy()
}
