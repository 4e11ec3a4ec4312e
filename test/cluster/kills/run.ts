/**
 * `bun run test:cluster`: runs whose runners, network, database and loader are killed, frozen, slowed down and cut off, at
 * moments drawn from a seed, deliver what a run on fibers delivers. Real processes on Bun and on Deno, a real PostgreSQL (a
 * file of SQLite where that is not installed).
 *
 *   --kills N     how many SIGKILLs in all; default 50
 *   --seed S      what faults and their moments are drawn from; a fresh one when it is left out, and printed
 *   --long        freezes and outages of 30 seconds, not of 3
 *   --json        the last line is JSON: { kills, otherDigests, … }
 *
 * Exit 0 if no run ended otherwise, 1 if one did.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runtime } from "../../../src/core/runtime.ts"
import { withoutPostgres } from "../../support/postgres.ts"
import { start } from "../../support/process.ts"
import { at } from "../../support/rng.ts"
import { cluster, pause, type RunnerProcess } from "./Cluster.ts"

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    seed: { type: "string" },
    long: { type: "boolean", default: false },
    json: { type: "boolean", default: false }
  }
})
const wanted = Number(values.kills)
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
const rng = at(seed)
const outage = values.long ? 30_000 : 3000
/** A run takes longer than this only if somebody waits for what never comes. */
const PATIENCE = values.long ? 600_000 : 180_000

const folder = mkdtempSync(join(tmpdir(), "furrow-cluster-"))
const began = performance.now()
const say = (text: string): void =>
  console.error(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`)

interface Said {
  readonly digest?: string
  readonly replaced?: number
  readonly error?: string
  readonly message?: string
}

/** A life of a loader, and its last line. */
const loader = (args: ReadonlyArray<string>) => {
  const { child, ended, said } = start("../test/cluster/kills/loader.ts", args)
  const result = ended.then(({ stdout }): Said | undefined => {
    const line = stdout.trim().split("\n").at(-1) ?? ""
    return line.startsWith("{") ? JSON.parse(line) : undefined
  })
  return { child, result, said }
}

say(`seed ${seed}, on ${runtime.name} ${runtime.version}, ${withoutPostgres ?? "PostgreSQL"}`)
const expected = (await loader(["--local"]).result)?.digest
if (expected === undefined) throw new Error("the run on fibers did not end")
const own = await cluster(["bun", "bun", "deno"], folder, withoutPostgres === undefined)
const { runners, server } = own

const counts = { kills: 0, runs: 0, otherDigests: 0, unended: 0, attempts: 0 }
const faults: Record<string, number> = {}

let database: Promise<unknown> = Promise.resolve()
let isDatabaseGone = false

const any = (): RunnerProcess => runners[rng.integer(runners.length)] as RunnerProcess // there are three

const kill = (runner: RunnerProcess): void => {
  if (!runner.isUp) return
  runner.signal("SIGKILL")
  counts.kills++
}

/** What can happen; each returns how it is undone, and after how many milliseconds. */
const happenings: ReadonlyArray<readonly [name: string, weight: number, happen: () => readonly [() => void, number]]> =
  [
    [
      "a runner is killed",
      6,
      () => {
        const one = any()
        kill(one)
        return [() => one.start(), rng.integer(1500)]
      }
    ],
    [
      "all runners are killed",
      1,
      () => {
        for (const one of runners) kill(one)
        return [() => runners.forEach((one) => one.start()), rng.integer(1000)]
      }
    ],
    [
      "a runner is frozen",
      2,
      () => {
        const one = any()
        one.signal("SIGSTOP")
        return [() => one.signal("SIGCONT"), outage]
      }
    ],
    [
      "a runner is slow",
      2,
      () => {
        const one = any()
        one.slow(true)
        return [() => one.slow(false), outage]
      }
    ],
    [
      "a runner is half open to loaders",
      2,
      () => {
        const one = any()
        one.cable.freeze(true)
        return [
          () => {
            one.cable.freeze(false)
            one.cable.cut()
          },
          outage
        ]
      }
    ],
    [
      "connections to a runner break",
      2,
      () => {
        any().cable.cut()
        return [() => undefined, 0]
      }
    ],
    [
      "a runner is cut off from the database",
      1,
      () => {
        const { databaseCable } = any()
        databaseCable?.freeze(true)
        return [
          () => {
            databaseCable?.freeze(false)
            databaseCable?.cut()
          },
          outage
        ]
      }
    ],
    [
      "a runner is cut off from the database and from loaders",
      1,
      () => {
        const { cable, databaseCable } = any()
        for (const one of [cable, databaseCable]) one?.freeze(true)
        return [
          () => {
            for (const one of [cable, databaseCable]) {
              one?.freeze(false)
              one?.cut()
            }
          },
          outage
        ]
      }
    ],
    [
      "the database is gone",
      server === undefined ? 0 : 1,
      () => {
        if (isDatabaseGone) return [() => undefined, 0]
        isDatabaseGone = true
        database = database.then(() => server?.stop())
        const back = (): void => {
          isDatabaseGone = false
          database = database.then(() => server?.start())
        }
        return [back, outage]
      }
    ],
    ["the loader is killed", 2, () => [() => undefined, 0]]
  ]
const weights = happenings.flatMap(([, weight], index) => Array.from({ length: weight }, () => index))

try {
  for (const one of runners.slice(0, 2)) one.start()
  while (counts.kills < wanted) {
    counts.runs++
    const cursor = join(folder, `cursor-${counts.runs}`)
    const args = ["--database", own.database, "--cursor", cursor]
    let life = loader(args)
    const late = performance.now() + PATIENCE
    const undone: Array<{ readonly at: number; readonly undo: () => void }> = []
    let result: Said | undefined | "runs" = "runs"
    // Then it is left alone: it has to come to its end.
    for (let left = 4 + rng.integer(8); ; ) {
      const next = performance.now() + 100 + rng.integer(700)
      while (result === "runs" && performance.now() < next) {
        const now = performance.now()
        for (const one of undone.filter((each) => each.at <= now)) one.undo()
        undone.splice(0, undone.length, ...undone.filter((each) => each.at > now))
        result = await Promise.race([life.result, pause(20).then((): "runs" => "runs")])
      }
      if (result !== "runs" || performance.now() > late) break
      if (left === 0) continue
      left--
      const [name, , happen] = happenings[weights[rng.integer(weights.length)] ?? 0] ?? happenings[0] ?? []
      if (name === undefined || happen === undefined) continue
      faults[name] = (faults[name] ?? 0) + 1
      if (name === "the loader is killed") {
        life.child.kill("SIGKILL")
        await life.result
        counts.kills++
        life = loader(args)
        continue
      }
      const [undo, after] = happen()
      undone.push({ at: performance.now() + after, undo })
    }
    for (const { undo } of undone) undo()
    for (const one of runners) one.heal()
    await database
    if (result === "runs") {
      counts.unended++
      life.child.kill("SIGKILL")
      say(`run ${counts.runs} did not end within ${PATIENCE / 1000} s: ${life.said().slice(-2000)}`)
    } else if (result?.digest !== expected) {
      counts.otherDigests++
      say(`run ${counts.runs} ended otherwise: ${JSON.stringify(result)} ${life.said().slice(-2000)}`)
    } else {
      counts.attempts += result.replaced ?? 0
      say(
        `run ${counts.runs}: its digest, ${result.replaced} attempts more in its last life; ${counts.kills} kills so far`
      )
    }
  }
  // A batch that ends whoever builds it ends the run, and leaves the runners for others.
  const poisoned = await loader(["--database", own.database, "--poison", "300"]).result
  const after = await loader(["--database", own.database]).result
  if (poisoned?.error !== "BackendError" || after?.digest !== expected) {
    counts.otherDigests++
    say(`a poisoned batch: ${JSON.stringify(poisoned)}, and a run after it: ${JSON.stringify(after)}`)
  } else say(`a poisoned batch: ${poisoned.message?.split("\n")[0]}`)
} finally {
  await own.close()
  rmSync(folder, { recursive: true, force: true })
}

const seconds = Number(((performance.now() - began) / 1000).toFixed(1))
const all = { ...counts, seed, seconds, faults }
if (values.json) console.log(JSON.stringify(all))
else {
  console.log(
    Object.entries(faults)
      .map(([name, times]) => `${String(times).padStart(5)} times ${name}`)
      .join("\n")
  )
  console.log(
    `${counts.kills} kills in ${counts.runs} runs: ${counts.otherDigests} other digests, ${counts.unended} that did not end`
  )
}
process.exit(counts.otherDigests + counts.unended === 0 ? 0 : 1)
