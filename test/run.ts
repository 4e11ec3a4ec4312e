/**
 * `bun run test`: types, style, package, and every test on Bun and on Deno. The last line is `N passed, N failed`: the
 * tests of both runtimes as their own JUnit reports count them, and one each for the types, the style, the package and
 * the simulator. A runtime that ran no test counts as a failure.
 *
 * Both runtimes are given the files room by room, see `support/rooms.ts`, a process for each, so that what a file leaves
 * behind reaches its own room at most. Two processes run at a time, and each one's output is printed when it has ended. A
 * process that does not end within {@link ROOM_LIMIT} is killed, and counts as a failure that names its room. What has
 * failed is told once more at the end, so that the last page of a long log is enough.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { rooms, TEST_LIMIT, writeRooms } from "./support/rooms.ts"

if (process.argv.length > 2) {
  console.error(`bun run test runs everything and takes no arguments, and was given ${process.argv.slice(2).join(" ")}`)
  console.error("for some files: bun test test/sources, deno test -A --no-check test/sources")
  process.exit(2)
}

/** How long a process may take, in milliseconds: several times what the longest takes. */
const LIMIT = 15 * 60_000
/** The same for the tests of one room. */
const ROOM_LIMIT = 10 * 60_000

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const reports = mkdtempSync(join(tmpdir(), "furrow-test-"))

interface Count {
  readonly name: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** What has failed: the name of each, and why. */
  readonly failures: ReadonlyArray<string>
}

interface Options {
  /** Whether its output is printed when it has ended, since another command's is printed meanwhile. */
  readonly later?: boolean
  /** After how many milliseconds it is killed. Default: {@link LIMIT}. */
  readonly limit?: number
  readonly env?: Readonly<Record<string, string>>
}

const running = new Set<ChildProcess>()

/** Kills what is left of a process and of those that it has started. */
const killGroup = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // None is left.
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    for (const own of running) killGroup(own)
    process.exit(1)
  })
}

/** Runs a binary of node_modules with its output on ours; true when it ends well. */
const run = async (
  title: string,
  command: string,
  args: ReadonlyArray<string>,
  { env = {}, later = false, limit = LIMIT }: Options = {}
): Promise<boolean> => {
  const head = `\n— ${title}: ${command} ${args.join(" ")}`
  if (!later) console.log(head)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const own = spawn(join(root, "node_modules", ".bin", command), args, {
    cwd: root,
    detached: true, // a group of processes, which end together
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
  running.add(own)
  const late = setTimeout(() => {
    console.error(`${title} did not end within ${limit / 1000} s, and was killed`)
    killGroup(own)
  }, limit)
  own.on("close", (status) => resolve(status === 0))
  own.on("exit", (status, signal) => {
    if (status !== 0) console.error(`${title} ended with ${signal ?? `status ${status}`}`)
  })
  // Its output is open for as long as a process lives that it has started.
  own.on("exit", (status) => setTimeout(() => resolve(status === 0), 2000).unref())
  const ended = await promise
  clearTimeout(late)
  killGroup(own)
  running.delete(own)
  if (later) console.log(`${head}\n${Buffer.concat(output).toString()}`)
  return ended
}

const check = async (name: string, command: string, ...args: ReadonlyArray<string>): Promise<Count> => {
  const passed = await run(name, command, args, { later: true })
  return { name, passed: Number(passed), failed: Number(!passed), skipped: 0, failures: passed ? [] : [name] }
}

/** Beyond this many lines the reason of a failing test is cut: its room's output has all of it. */
const LINES = 30

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" }

const unescaped = (text: string): string =>
  text.replace(/&(?:#(\d+)|(\w+));/g, (all, code?: string, name?: string) =>
    code === undefined ? (ENTITIES[name ?? ""] ?? all) : String.fromCodePoint(Number(code))
  )

/** The failing tests of a JUnit report, as both runtimes write it. */
const failing = (xml: string): ReadonlyArray<string> =>
  [...xml.matchAll(/<testcase\b([^>]*[^/])>(.*?)<\/testcase>/gs)].flatMap(([, head = "", body = ""]) => {
    const reason = /<(?:failure|error)\b[^>]*>(.*?)<\/(?:failure|error)>/s.exec(body)?.[1]
    if (reason === undefined && !/<(?:failure|error)\b/.test(body)) return []
    const attribute = (key: string): string => new RegExp(`\\b${key}="([^"]*)"`).exec(head)?.[1] ?? ""
    const lines = unescaped(reason ?? "")
      .split("\n")
      .slice(0, LINES)
    const title = [attribute("file"), attribute("classname"), attribute("name")].filter((part) => part !== "")
    return [[unescaped(title.join(" > ")), ...lines].join("\n    ")]
  })

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
  const failures = failing(xml).map((own) => `${name}: ${own}`)
  if (failed > 0 || (ended && passed > 0)) return { name, passed, failed, skipped, failures }
  // A run that ends badly without a failing test (a crash, a file that does not load), or that ran none, has failed.
  const reason = ended ? "no test ran" : "its process ended badly, or was killed, though no test failed"
  return { name, passed, failed: 1, skipped, failures: [`${name}: ${reason}`] }
}

/** The tests of a room on one runtime, in a process of their own. */
interface Task {
  readonly room: string
  readonly run: () => Promise<Count>
}

const onDeno = (env: Options["env"] & {}): ReadonlyArray<Task> =>
  [...writeRooms(join(root, "test"), join(reports, "rooms"))].map(([room, entry]) => ({
    room,
    run: async () => {
      const name = `tests on Deno, ${room}`
      const report = join(reports, `deno-${room}.xml`)
      const config = `--config=${join(root, "deno.json")}`
      const args = ["test", "-A", "--no-check", config, "--reporter=dot", `--junit-path=${report}`, entry]
      return read(name, report, await run(name, "deno", args, { env, limit: ROOM_LIMIT, later: true }))
    }
  }))

const onBun = (env: Options["env"] & {}): ReadonlyArray<Task> =>
  [...rooms(join(root, "test"))].map(([room, files]) => ({
    room,
    run: async () => {
      const name = `tests on Bun, ${room}`
      const report = join(reports, `bun-${room}.xml`)
      const paths = files.map((file) => `./test/${file}`) // with the dot it is a path; without it, a part of one
      const args = ["test", `--timeout=${TEST_LIMIT}`, "--reporter=junit", `--reporter-outfile=${report}`, ...paths]
      return read(name, report, await run(name, "bun", args, { env, limit: ROOM_LIMIT, later: true }))
    }
  }))

/**
 * Takes the tasks of both lists, one of each at a time, and those that are left of the longer one two at a time. Its long
 * rooms come first, so that what is left is short; the other list keeps its order, so that a room's tests seldom run on
 * both runtimes at once.
 */
const sideBySide = async (
  [first, ...others]: readonly [ReadonlyArray<Task>, ...ReadonlyArray<ReadonlyArray<Task>>],
  into: (own: Count) => void
): Promise<void> => {
  const queues = [first.toSorted((a, b) => rank(a.room) - rank(b.room)), ...others.map((own) => [...own])]
  const lane = async (own: number): Promise<void> => {
    for (;;) {
      const task = queues[own]?.shift() ?? queues.find((queue) => queue.length > 0)?.shift()
      if (task === undefined) return
      const count = await task.run()
      if (count.failed > 0) console.error(`${count.name}: ${count.failed} failed`)
      into(count)
    }
  }
  await Promise.all(queues.map((_, own) => lane(own)))
}

/** The rooms that take longest, from the longest on. */
const LONG = ["pipelines", "scheduler-backends", "package", "laws", "scheduler-loader", "test", "sources", "checkpoint"]

const rank = (room: string): number => (LONG.includes(room) ? LONG.indexOf(room) : LONG.length)

const total = (name: string): Count & { readonly add: (own: Count) => void } => {
  const sums = {
    name,
    passed: 0,
    failed: 0,
    skipped: 0,
    failures: [] as Array<string>,
    add: ({ failed, failures, passed, skipped }: Count) => {
      sums.failures.push(...failures)
      sums.passed += passed
      sums.failed += failed
      sums.skipped += skipped
    }
  }
  return sums
}

/** Packs the package, as its check has built it, for the tests of both runtimes. */
const packed = async (): Promise<Readonly<Record<string, string>>> => {
  const args = ["pm", "pack", "--ignore-scripts", "--destination", reports, "--quiet"]
  const file = (await run("packing", "bun", args))
    ? readdirSync(reports).find((own) => own.endsWith(".tgz"))
    : undefined
  return file === undefined ? {} : { FURROW_TEST_TARBALL: join(reports, file) }
}

const started = performance.now()
/** Two at a time, as the rooms are. */
const [[types, simulator], [style, pack, env]] = await Promise.all([
  (async () =>
    [
      await check("types", "tsc", "-p", "."),
      await check("simulator", "bun", "run", "test/sim/run.ts", "--cases", "500")
    ] as const)(),
  (async () =>
    [
      await check("style", "biome", "check"),
      await check("package", "bun", "run", "pack:check"),
      await packed()
    ] as const)()
])
const counts = [types, style, pack, simulator]
const bun = total("tests on Bun")
const deno = total("tests on Deno")
await sideBySide([onDeno(env), onBun(env)], (own) => (own.name.startsWith(bun.name) ? bun : deno).add(own))
counts.push(bun, deno)
rmSync(reports, { recursive: true, force: true })

for (const failure of counts.flatMap(({ failures }) => failures)) console.log(`\nfailed: ${failure}`)
console.log(`\nIn ${((performance.now() - started) / 1000).toFixed(0)} s:`)
for (const { failed, name, passed, skipped } of counts) {
  console.log(`  ${name.padEnd(14)} ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`)
}
const sum = (key: "passed" | "failed"): number => counts.reduce((total, count) => total + count[key], 0)
console.log(`\n${sum("passed")} passed, ${sum("failed")} failed`)
process.exitCode = sum("failed") === 0 ? 0 : 1
