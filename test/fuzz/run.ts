/**
 * `bun run test:fuzz`: damaged files of all formats, read as a dataset reads them, and damaged messages of services, clients,
 * loaders and runners.
 *
 *   --runs N        how many cases in all; default 10,000
 *   --seed N        default: a fresh one
 *   --only NAME     one kind of case; several with commas between them
 *   --case N        one case of it, again
 *
 * The cases are run by another process, which is watched: one that crashes, takes longer than 20 seconds for a case, or more
 * memory than its formats may take, is a finding like any other. Each is printed with the command that repeats it. Exit 0 if
 * there was none.
 */
import { spawn } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { runtime } from "../../src/core/runtime.ts"
import { type Kind, reproduction } from "./Case.ts"
import { kinds } from "./Kinds.ts"

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    only: { type: "string" },
    case: { type: "string" },
    // Of the process that runs cases: the first one.
    from: { type: "string" }
  }
})
const seed = Number(values.seed)
const chosen = kinds.filter(({ name }) => values.only === undefined || values.only.split(",").includes(name))
if (chosen.length === 0) {
  console.error(`--only is one of ${kinds.map(({ name }) => `"${name}"`).join(", ")}`)
  process.exit(2)
}

/** Which file, and which case of it, a number of the whole run is. */
const caseAt = (at: number): readonly [kind: Kind, number: number] => [
  chosen[at % chosen.length] as Kind, // there is one
  Math.floor(at / chosen.length)
]

const LIMIT_MS = 20_000
/** The most memory that this process has had since it was last asked, in MB; nothing on systems that do not say. */
const peak = (): number => {
  const status = "/proc/self/status"
  if (!existsSync(status)) return 0
  const found = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(status, "utf8"))?.[1] ?? 0) / 1024
  try {
    writeFileSync("/proc/self/clear_refs", "5")
  } catch {
    // Then it is the most of all cases so far.
  }
  return found
}

/** Runs cases, and says a line for each: its number, then what was wrong, if anything was. */
const work = async (from: number, to: number): Promise<void> => {
  let before = peak()
  for (let at = from; at < to; at++) {
    const [subject, number] = caseAt(at)
    const { damage, isRefused, wrong } = await subject.run(seed, number)
    const after = peak()
    const more = after - before > subject.megabytes ? `it took ${Math.round(after - before)} MB` : undefined
    before = Math.min(after, process.memoryUsage.rss() / 2 ** 20)
    const what = wrong ?? more
    console.log(JSON.stringify({ at, isRefused, ...(what === undefined ? {} : { what, damage: damage.what }) }))
  }
  for (const { close } of chosen) {
    const left = await close?.()
    if (left !== undefined)
      console.log(JSON.stringify({ at: to - 1, isRefused: false, what: left, damage: "all of them" }))
  }
}

interface Line {
  readonly at: number
  readonly isRefused: boolean
  readonly what?: string
  readonly damage?: string
}

/** Starts a process for the cases from `from` on; resolves to the one at which it ended. */
const watch = (from: number, to: number, seen: (line: Line) => void): Promise<number> =>
  new Promise((resolve) => {
    const own = ["--runs", String(to), "--seed", String(seed), "--from", String(from)]
    const rest = values.only === undefined ? own : [...own, "--only", values.only]
    const args = runtime.name === "deno" ? ["run", "-A", "--no-check"] : ["run"]
    const child = spawn(process.execPath, [...args, fileURLToPath(import.meta.url), ...rest], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    let at = from
    let why = "the process ended"
    const kill = () => {
      why = `it took longer than ${LIMIT_MS / 1000} s`
      child.kill("SIGKILL")
    }
    // Counted, not timed: all of them may have been stopped meanwhile.
    let quiet = 0
    const timer = setInterval(() => {
      if (++quiet * 1000 > LIMIT_MS) kill()
    }, 1000)
    createInterface({ input: child.stdout }).on("line", (text) => {
      quiet = 0
      // Deno's own Brotli says on stdout what it lost of a damaged page.
      if (!text.startsWith("{")) return console.error(text)
      const line: Line = JSON.parse(text)
      seen(line)
      at = line.at + 1
    })
    child.on("close", (code, signal) => {
      clearInterval(timer)
      if (at < to) seen({ at, isRefused: false, what: `${why}: ${signal ?? `exit ${code}`}`, damage: "(see there)" })
      resolve(at < to ? at + 1 : to)
    })
  })

if (values.from !== undefined) {
  await work(Number(values.from), Number(values.runs))
} else if (values.case !== undefined) {
  const [subject] = chosen
  if (subject === undefined || chosen.length > 1) throw new Error("--case needs --only")
  const { damage, isRefused, wrong } = await subject.run(seed, Number(values.case))
  console.log(`${damage.what}: ${wrong ?? (isRefused ? "refused, as it should be" : "read, as it may be")}`)
  await subject.close?.()
  process.exitCode = wrong === undefined ? 0 : 1
} else {
  const runs = Number(values.runs)
  let found = 0
  let refused = 0
  const seen = ({ at, damage, isRefused, what }: Line): void => {
    if (isRefused) refused++
    if (what === undefined) return
    const [subject, number] = caseAt(at)
    found++
    console.log(`${subject.name}, ${damage}: ${what}\n  ${reproduction(subject, seed, number)}`)
  }
  for (let at = 0; at < runs; ) at = await watch(at, runs, seen)
  console.log(
    `${runtime.name} ${runtime.version}, seed ${seed}: ${runs} damaged cases, ${refused} refused, ${found} findings`
  )
  process.exitCode = found === 0 ? 0 : 1
}
