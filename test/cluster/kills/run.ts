/**
 * `bun run test:cluster`: runs whose runners, network, database and loader are killed, frozen, slowed down and cut off, at
 * moments drawn from a seed, deliver what a run on fibers delivers. Real processes on Bun and on Deno, a real PostgreSQL (a
 * file of SQLite where that is not installed) on a disk of its own, and network namespaces where the machine allows (else
 * proxies). The clocks of two runners are wrong by an hour, one up and one down; a further runner has other code all the time;
 * at the end one batch kills whoever builds it.
 *
 *   --kills N     how many SIGKILLs in all; default 50
 *   --seed S      what faults and their moments are drawn from; a fresh one when it is left out, and printed
 *   --long        freezes and outages of 30 seconds, not of 3, in runs that last longer
 *   --only TEXT   faults whose names have TEXT, and that a runner is killed
 *   --json        the last line is JSON: { kills, otherDigests, … }
 *
 * Exit 0 if no run ended otherwise, 1 if one did. A signal ends it with what it has made: processes, networks and a disk.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runtime } from "../../../src/core/runtime.ts"
import { here, start } from "../../support/process.ts"
import { at } from "../../support/rng.ts"
import { cluster, pause, type RunnerKind, TOKEN } from "./Cluster.ts"
import { faults, LOADER_KILLED } from "./Faults.ts"
import { FIRST } from "./first.ts"

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    seed: { type: "string" },
    long: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false }
  }
})
const wanted = Number(values.kills)
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
const rng = at(seed)
const outage = values.long ? 30_000 : 3000
/** Batches of an epoch; and between faults, milliseconds at most. */
const batches = values.long ? 1200 : 200
const apart = values.long ? 7000 : 700
/** A run takes longer than this only if somebody waits for what never comes. */
const PATIENCE = values.long ? 600_000 : 180_000
/** What happened to one that takes longer than this is told. */
const SLOW = values.long ? 300_000 : 40_000

const folder = mkdtempSync(join(tmpdir(), "furrow-cluster-"))
process.on("exit", () => rmSync(folder, { recursive: true, force: true }))
const began = performance.now()
const say = (text: string): void =>
  console.error(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`)

interface Said {
  readonly digest?: string
  readonly replaced?: number
  readonly error?: string
  readonly message?: string
}

/** What called it off. */
let calledOff: NodeJS.Signals | undefined
const lives = new Set<ReturnType<typeof start>["child"]>()
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const
for (const signal of SIGNALS) {
  process.on(signal, () => {
    calledOff ??= signal
    for (const child of lives) child.kill("SIGKILL")
  })
}

/** A life of a loader, and its last line. */
const loader = (args: ReadonlyArray<string>, on: "bun" | "deno" = here) => {
  const all = ["--batches", String(batches), ...args]
  const { child, ended, said } = start("../test/cluster/kills/loader.ts", all, { on, env: { FURROW_TOKEN: TOKEN } })
  lives.add(child)
  if (calledOff !== undefined) child.kill("SIGKILL")
  const result = ended.then(({ stdout }): Said | undefined => {
    lives.delete(child)
    const line = stdout.trim().split("\n").at(-1) ?? ""
    return line.startsWith("{") ? JSON.parse(line) : undefined
  })
  return { child, result, said }
}

/** Whether a loader names the runner that has other code. */
const saysOther = (said: string): boolean => said.includes("is not the one that is run: they differ in")

say(`seed ${seed}, on ${runtime.name} ${runtime.version}`)
const HOUR = 3_600_000
/** To the last nothing happens. */
const kinds: ReadonlyArray<RunnerKind> = [
  { on: "bun", isProxied: true },
  { on: "bun", skew: HOUR },
  { on: "deno", skew: -HOUR },
  { on: "bun", isOther: true }
]
const expected = (await loader(["--local"]).result)?.digest
if (expected === undefined) throw new Error("the run on fibers did not end")
const own = await cluster(kinds, folder)
for (const lack of own.lacks) say(lack)
const runners = own.runners.filter(({ kind }) => kind.isOther !== true)

const counts = { kills: 0, runs: 0, otherDigests: 0, unended: 0, attempts: 0, refused: 0, slowest: 0 }
const happened: Record<string, number> = {}
const { all: every, settled } = faults({
  cluster: own,
  runners,
  below: (most) => rng.integer(most),
  outage,
  killed: () => counts.kills++
})
const possible = every.filter(({ name }) => name.includes(values.only) || name === "a runner is killed")
const weighted = possible.flatMap((fault) => Array.from({ length: values.only === "" ? fault.weight : 1 }, () => fault))

try {
  // The third is started late.
  for (const one of own.runners) if (one !== runners[2]) one.start()
  while (counts.kills < wanted && calledOff === undefined) {
    counts.runs++
    const cursor = join(folder, `cursor-${counts.runs}`)
    const args = ["--database", own.database, "--cursor", cursor]
    let life = loader(args)
    let on: "bun" | "deno" = here
    let named = false
    const from = performance.now()
    const late = from + PATIENCE
    const told: Array<string> = []
    const note = (what: string): void => {
      told.push(`${((performance.now() - from) / 1000).toFixed(1).padStart(6)} s  ${what}`)
    }
    const undone: Array<{ readonly at: number; readonly undo: () => void }> = []
    let result: Said | undefined | "runs" = "runs"
    // Most runs are left alone until batches are under way: a loader takes longer to start than many a fault lasts.
    if (rng.integer(4) > 0) {
      while (result === "runs" && !life.said().includes(FIRST) && performance.now() < late) {
        result = await Promise.race([life.result, pause(5).then((): "runs" => "runs")])
      }
    }
    // After some faults it is left alone: it has to come to its end.
    for (let left = 4 + rng.integer(8); ; ) {
      const next = performance.now() + 100 + rng.integer(apart)
      while (result === "runs" && performance.now() < next) {
        const now = performance.now()
        for (const one of undone.filter((each) => each.at <= now)) one.undo()
        undone.splice(0, undone.length, ...undone.filter((each) => each.at > now))
        result = await Promise.race([life.result, pause(20).then((): "runs" => "runs")])
      }
      if (result !== "runs" || performance.now() > late) break
      if (left === 0) continue
      left--
      const fault = weighted[rng.integer(weighted.length)]
      if (fault === undefined) continue
      const { happen, name } = fault
      happened[name] = (happened[name] ?? 0) + 1
      note(name)
      if (name === LOADER_KILLED) {
        life.child.kill("SIGKILL")
        await life.result
        counts.kills++
        named ||= saysOther(life.said())
        on = on === "bun" ? "deno" : "bun"
        life = loader(args, on)
        continue
      }
      const [undo, after] = happen()
      const over = (): void => {
        undo()
        note(`that it ends: ${name}`)
      }
      undone.push({ at: performance.now() + after, undo: over })
    }
    const took = performance.now() - from
    counts.slowest = Math.max(counts.slowest, Math.round(took / 1000))
    if (took > SLOW) say(`run ${counts.runs} took ${Math.round(took / 1000)} s:\n${told.join("\n")}\n${life.said()}`)
    if (calledOff !== undefined) break
    for (const { undo } of undone) undo()
    for (const one of runners) one.heal()
    await settled()
    if (named || saysOther(life.said())) counts.refused++
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
  if (calledOff === undefined && counts.refused === 0) {
    counts.otherDigests++
    say("no loader said that a runner has other code")
  }
  if (calledOff !== undefined) say(`called off by ${calledOff}`)
  else if (poisoned?.error !== "BackendError" || after?.digest !== expected) {
    counts.otherDigests++
    say(`a poisoned batch: ${JSON.stringify(poisoned)}, and a run after it: ${JSON.stringify(after)}`)
  } else say(`a poisoned batch: ${poisoned.message?.split("\n")[0]}`)
} finally {
  // What is under way with the database.
  await Promise.allSettled([settled()])
  await own.close()
}

const seconds = Number(((performance.now() - began) / 1000).toFixed(1))
const all = { ...counts, seed, seconds, faults: happened, lacks: own.lacks }
if (values.json) console.log(JSON.stringify(all))
else {
  console.log(
    Object.entries(happened)
      .map(([name, times]) => `${String(times).padStart(5)} times ${name}`)
      .join("\n")
  )
  console.log(
    `${counts.kills} kills in ${counts.runs} runs: ${counts.otherDigests} other digests, ${counts.unended} that did not end`
  )
}
if (calledOff !== undefined) process.exit(1)
process.exit(counts.otherDigests + counts.unended === 0 ? 0 : 1)
