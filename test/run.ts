/**
 * `bun run test`: types, style, package, and every test on Bun and on Deno. The last line is `N passed, N failed`: the
 * tests of both runtimes as their own JUnit reports count them, and one each for the types, the style, the package and
 * the simulator. A runtime that ran no test counts as a failure.
 *
 * The two runtimes test side by side: much of either suite waits for threads and processes, so on two cores both take
 * little longer than one. The output of Deno is printed when it has ended. Deno is given the files room by room, see
 * `support/rooms.ts`.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { writeRooms } from "./support/rooms.ts"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const reports = mkdtempSync(join(tmpdir(), "furrow-test-"))

interface Count {
  readonly name: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

interface Options {
  /** Whether its output is printed when it has ended, since another command's is printed meanwhile. */
  readonly later?: boolean
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a binary of node_modules with its output on ours; true when it ends well. */
const run = async (
  title: string,
  command: string,
  args: ReadonlyArray<string>,
  { env = {}, later = false }: Options = {}
): Promise<boolean> => {
  const head = `\n— ${title}: ${command} ${args.join(" ")}`
  if (!later) console.log(head)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const own = spawn(join(root, "node_modules", ".bin", command), args, {
    cwd: root,
    stdio: later ? ["ignore", "pipe", "pipe"] : "inherit",
    env: { ...process.env, NO_COLOR: "1", ...env }
  })
  const output: Array<Uint8Array> = []
  own.stdout?.on("data", (bytes: Uint8Array) => output.push(bytes))
  own.stderr?.on("data", (bytes: Uint8Array) => output.push(bytes))
  own.on("error", (error) => {
    console.error(String(error))
    resolve(false)
  })
  own.on("close", (status) => resolve(status === 0))
  const ended = await promise
  if (later) console.log(`${head}\n${Buffer.concat(output).toString()}`)
  return ended
}

const check = async (name: string, command: string, ...args: ReadonlyArray<string>): Promise<Count> => {
  const passed = await run(name, command, args)
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

const tests = async (
  name: string,
  command: string,
  args: (report: string) => ReadonlyArray<string>,
  options: Options
): Promise<Count> => {
  const report = join(reports, `${command}.xml`)
  const ended = await run(name, command, args(report), options)
  return read(name, report, ended)
}

/** Packs the package once, for the tests of both runtimes; building it twice at a time would be in each other's way. */
const packed = async (): Promise<Readonly<Record<string, string>>> => {
  const args = ["pm", "pack", "--destination", reports, "--quiet"]
  const file = (await run("packing", "bun", args))
    ? readdirSync(reports).find((own) => own.endsWith(".tgz"))
    : undefined
  return file === undefined ? {} : { FURROW_TEST_TARBALL: join(reports, file) }
}

const started = performance.now()
const counts = [
  await check("types", "tsc", "-p", "."),
  await check("style", "biome", "check"),
  await check("package", "bun", "run", "pack:check"),
  await check("simulator", "bun", "run", "test/sim/run.ts", "--cases", "500")
]
const env = await packed()
const entries = writeRooms(join(root, "test"), join(reports, "rooms"))
const deno = (report: string) => [
  ...["test", "-A", "--no-check", `--config=${join(root, "deno.json")}`, "--reporter=dot", `--junit-path=${report}`],
  ...entries
]
const bun = (report: string) => ["test", "--reporter=junit", `--reporter-outfile=${report}`]
counts.push(
  ...(await Promise.all([
    tests("tests on Bun", "bun", bun, { env }),
    tests("tests on Deno", "deno", deno, { env, later: true })
  ]))
)
rmSync(reports, { recursive: true, force: true })

console.log(`\nIn ${((performance.now() - started) / 1000).toFixed(0)} s:`)
for (const { failed, name, passed, skipped } of counts) {
  console.log(`  ${name.padEnd(14)} ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
}
const sum = (key: "passed" | "failed"): number => counts.reduce((total, count) => total + count[key], 0)
console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`)
process.exitCode = sum("failed") === 0 ? 0 : 1
