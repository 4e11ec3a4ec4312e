/**
 * `bun run test`: types, style, package, and every test on Bun and on Deno, one after the other. The last line is
 * `N passed, N failed`: the tests of both runtimes as their own JUnit reports count them, and one each for the types,
 * the style, the package and the simulator. A runtime that ran no test counts as a failure.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const reports = mkdtempSync(join(tmpdir(), "furrow-test-"))

interface Count {
  readonly name: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Runs a binary of node_modules with its output on ours; true when it ends well. */
const run = (title: string, command: string, ...args: ReadonlyArray<string>): boolean => {
  console.log(`\n— ${title}: ${command} ${args.join(" ")}`)
  const binary = join(root, "node_modules", ".bin", command)
  const { error, status } = spawnSync(binary, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, NO_COLOR: "1" }
  })
  if (error !== undefined) console.error(String(error))
  return status === 0
}

const check = (name: string, command: string, ...args: ReadonlyArray<string>): Count => {
  const passed = run(name, command, ...args)
  return { name, passed: Number(passed), failed: Number(!passed), skipped: 0 }
}

/** The totals of a JUnit report, from the attributes of its outermost element. */
const read = (name: string, report: string, ended: boolean): Count => {
  let xml = ""
  try {
    xml = readFileSync(report, "utf8")
  } catch {
    console.error(`${name} left no report at all`)
  }
  const outer = /<testsuites\b[^>]*>/.exec(xml)?.[0] ?? ""
  const attribute = (key: string): number => Number(new RegExp(`\\b${key}="(\\d+)"`).exec(outer)?.[1] ?? 0)
  const failed = attribute("failures") + attribute("errors")
  const skipped = (xml.match(/<skipped\b/g) ?? []).length
  const passed = attribute("tests") - failed - skipped
  // A run that ends badly without a failing test (a crash, a file that does not load), or that ran none, has failed.
  return { name, passed, failed: failed === 0 && (!ended || passed === 0) ? 1 : failed, skipped }
}

const tests = (name: string, command: string, args: (report: string) => ReadonlyArray<string>): Count => {
  const report = join(reports, `${command}.xml`)
  const ended = run(name, command, ...args(report))
  return read(name, report, ended)
}

const started = performance.now()
const counts = [
  check("types", "tsc", "-p", "."),
  check("style", "biome", "check"),
  check("package", "bun", "run", "pack:check"),
  check("simulator", "bun", "run", "test/sim/run.ts", "--cases", "500"),
  tests("tests on Bun", "bun", (report) => ["test", "--reporter=junit", `--reporter-outfile=${report}`]),
  tests("tests on Deno", "deno", (report) => [
    "test",
    "-A",
    "--no-check",
    "--reporter=dot",
    `--junit-path=${report}`,
    "test/"
  ])
]
rmSync(reports, { recursive: true, force: true })

console.log(`\nIn ${((performance.now() - started) / 1000).toFixed(0)} s:`)
for (const { failed, name, passed, skipped } of counts) {
  console.log(`  ${name.padEnd(14)} ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
}
const sum = (key: "passed" | "failed"): number => counts.reduce((total, count) => total + count[key], 0)
console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`)
process.exitCode = sum("failed") === 0 ? 0 : 1
