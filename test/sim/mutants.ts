/**
 * `bun run test:mutants`: whether the simulator and the laws bite. Each mutant is one fault put into a copy of the sources;
 * the simulator, or the test that the mutant names, run against the copy, has to find it.
 *
 *   --cases N     how many simulated cases a mutant may live through, default 2000
 *   --seed S      what they are drawn from, default 1
 *   --only WORD   those whose name, file or test holds a word
 *
 * Exit 0 when all were caught, 1 when one lived.
 */
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { mutants } from "./Faults.ts"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" }
  }
})

const folder = mkdtempSync(join(tmpdir(), "furrow-mutants-"))
for (const part of ["src", "test", "pipelines", "package.json", "tsconfig.json", "deno.json", "bunfig.toml"]) {
  cpSync(join(root, part), join(folder, part), { recursive: true })
}
symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))

/** Whether a fault was found, after what, and what was said of it. */
interface End {
  readonly caught: boolean
  readonly after: string
  readonly told: string
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? ""

const bySimulator = (): End => {
  const args = [join(folder, "test/sim/run.ts"), "--cases", values.cases, "--seed", values.seed]
  const { status, stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 600_000 })
  if (status === 0) return { caught: false, after: "LIVED", told: lastLine(stdout) }
  const [, cases, told] = /broken after (\d+) cases.*?: (.*)/.exec(stderr) ?? []
  return { caught: true, after: cases === undefined ? "crashed" : `case ${cases}`, told: told ?? lastLine(stderr) }
}

const byTest = (file: string): End => {
  const { status, stderr } = spawnSync(process.execPath, ["test", file], {
    cwd: folder,
    encoding: "utf8",
    timeout: 600_000
  })
  if (status === 0) return { caught: false, after: "LIVED", told: `${file} passes` }
  const failed = stderr.split("\n").filter((line) => line.startsWith("(fail)"))
  // A file that does not load has found nothing.
  if (failed.length === 0) return { caught: false, after: "LIVED", told: `${file} did not run: ${lastLine(stderr)}` }
  return { caught: true, after: `${failed.length} fail`, told: failed[0] ?? "" }
}

const chosen = mutants.filter(({ file, name, test = "" }) => `${name} ${file} ${test}`.includes(values.only))
let lived = 0
console.log(`${chosen.length} mutants, at most ${values.cases} cases of seed ${values.seed} each`)
for (const { file, from, name, test, to } of chosen) {
  const path = join(folder, "src", file)
  const source = readFileSync(path, "utf8")
  if (source.split(from).length !== 2) throw new Error(`${file} does not hold this once: ${from}`)
  writeFileSync(
    path,
    source.replace(from, () => to)
  )
  const { after, caught, told } = test === undefined ? bySimulator() : byTest(test)
  writeFileSync(path, source)
  if (!caught) lived++
  console.log(`${after.padEnd(10)} ${file.padEnd(34)} ${name}\n${" ".repeat(46)}${told.slice(0, 120)}`)
}
rmSync(folder, { recursive: true, force: true })
console.log(lived === 0 ? "all were caught" : `${lived} lived`)
process.exitCode = lived === 0 ? 0 : 1
