/**
 * `bun run test:mutants`: whether the simulator bites. Each mutant is one fault put into a copy of the sources; the
 * simulator, run against the copy, has to find it.
 *
 *   --cases N     how many cases a mutant may live through, default 2000
 *   --seed S      what they are drawn from, default 1
 *
 * Exit 0 when all were caught, 1 when one lived.
 */
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"

interface Mutant {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
}

const mutants: ReadonlyArray<Mutant> = [
  {
    name: "the last short batch is dropped",
    file: "scheduler/plan/Plan.ts",
    from: "Math.ceil(left / batchSize)",
    to: "Math.floor(left / batchSize)"
  },
  {
    name: "ranks overlap by a sample",
    file: "scheduler/plan/Plan.ts",
    from: "size: to - from, ordinal",
    to: "size: Math.min(to - from + 1, cut.size - from), ordinal"
  },
  {
    name: "a run that pads its last batch leaves it as it is",
    file: "scheduler/plan/Plan.ts",
    from: 'padLast || uneven === "pad" }',
    to: "padLast }"
  },
  {
    name: "a rank that has no rows of a batch does not deliver it",
    file: "scheduler/loader/Delivery.ts",
    from: "batch ?? empty?.at(taken.sequence)",
    to: "batch"
  },
  {
    name: "a run that goes on begins one batch late",
    file: "scheduler/loader/RunStart.ts",
    from: "sequence.of(from.epoch, from.batch)\n",
    to: "sequence.of(from.epoch, from.batch) + 1\n"
  },
  {
    name: "batches taken out of turn are made again",
    file: "scheduler/loader/RunStart.ts",
    from: "const ahead = new Set(early.map(([own]) => own).filter((own) => own < end))",
    to: "const ahead = new Set<number>()"
  },
  {
    name: "the rest of the epoch is dropped when a run goes on",
    file: "scheduler/plan/Sequence.ts",
    from: "Math.floor(sequence / this.room)",
    to: "Math.ceil(sequence / this.room)"
  },
  {
    name: "leave to make a batch is given twice",
    file: "scheduler/loader/WorkerQueues.ts",
    from: "this.all[this.#workerOf(sequence)]?.credits.give()",
    to: "this.all[this.#workerOf(sequence)]?.credits.give(), this.all[this.#workerOf(sequence)]?.credits.give()"
  },
  {
    name: "the cursor counts what was made ahead",
    file: "scheduler/loader/Delivery.ts",
    from: "batch: sequence.batchOf(chain.next) }",
    to: "batch: Math.min(sequence.room - 1, sequence.batchOf(chain.next) + (this.#options.queues.all[0]?.batches.length ?? 0)) }"
  },
  {
    name: "samples that were left out are forgotten when a run goes on",
    file: "scheduler/loader/OpenRun.ts",
    from: "skipped: stats.skipped + (from?.skipped ?? 0),",
    to: "skipped: stats.skipped,"
  },
  {
    name: "a worker requests further ahead than it may",
    file: "scheduler/loader/RequestPipeline.ts",
    from: "      credits.use()\n",
    to: ""
  },
  {
    name: "a worker hands on the batch that it requested last",
    file: "scheduler/loader/RequestPipeline.ts",
    from: "    due.shift()\n    const before",
    to: "    due.pop()\n    const before"
  },
  {
    name: "a wake-up is missed when a fiber gives way before it waits",
    file: "scheduler/loader/Queue.ts",
    from: "if (holds()) {\n        resume(Effect.void)\n        return\n      }\n      const wake",
    to: "const wake"
  },
  {
    name: "ranks may change over a gap",
    file: "scheduler/loader/CursorCheck.ts",
    from: "if (ahead.length > 0 && was.ranks !== now.ranks) {",
    to: "if (false) {"
  },
  {
    name: "a cursor's checksum is not looked at",
    file: "scheduler/loader/Cursor.ts",
    from: "if (result.right.checksum === checksum(result.right)) return Effect.succeed(result.right)",
    to: "return Effect.succeed(result.right)"
  },
  {
    name: "other workers are let in where they change draws",
    file: "scheduler/loader/CursorCheck.ts",
    from: 'runPlan.policy?.elastic === false ? [] : ["workers", "ranks"]',
    to: '["workers", "ranks"]'
  },
  {
    name: "the digest takes batches as they come",
    file: "scheduler/loader/DigestChain.ts",
    from: "this.#early.set(sequence, hash)\n    this.#settle()",
    to: "this.#early.set(this.#early.size === 0 ? sequence : this.#next, hash)\n    this.#settle()"
  },
  {
    name: "an epoch is shuffled by the order of the one before",
    file: "scheduler/plan/RunPlan.ts",
    from: "const before = known.get(epoch)\n",
    to: "const before = known.get(Math.max(0, epoch - 1)) ?? known.get(epoch)\n"
  },
  {
    name: "a worker's batches are counted from one",
    file: "scheduler/plan/SeedRequest.ts",
    from: "Math.floor(batch / plan.workers)",
    to: "Math.floor(batch / plan.workers) + 1"
  },
  {
    name: "every rank asks for the seeds of rank 0",
    file: "scheduler/plan/SeedRequest.ts",
    from: "rank: plan.rank",
    to: "rank: 0"
  },
  {
    name: "padded samples draw what the first ones drew",
    file: "scheduler/plan/RunPlan.ts",
    from: "distinct: sampler.distinct && !plan.filled",
    to: "distinct: sampler.distinct"
  },
  {
    name: "a stage takes the seeds of the stage before it",
    file: "scheduler/build/SeedBinding.ts",
    from: "const known = this.#bound.get(stage)",
    to: "const known = this.#bound.get(stage) ?? (stages.length > 1 ? undefined : [...this.#bound.values()].find((own) => own.stage.draws && stage.draws))"
  },
  {
    name: "samples that are attempted again have other seeds",
    file: "scheduler/build/CurrentStage.ts",
    from: "const rng = at.rng(row)",
    to: "const rng = at.rng(this.#rows.attempts > 1 ? this.#rows.indices.length - 1 - row : row)"
  },
  {
    name: "a failed sample is left out though another attempt was granted",
    file: "scheduler/build/Retry.ts",
    from: "if (granted[place] !== true) this.#skip(error)",
    to: "this.#skip(error)"
  },
  {
    name: "a sample that is caught takes no place in the next attempt",
    file: "scheduler/build/Work.ts",
    from: "return Exit.succeed(failed(place, failedOf(cause)))",
    to: "return Exit.failCause(cause as Cause.Cause<never>)"
  },
  {
    name: "what was made before a failure is lost",
    file: "scheduler/build/BatchRows.ts",
    from: "      // What is made stays made.\n      this.#keepMade()",
    to: "      this.values = []"
  },
  {
    name: "what is left out takes its neighbour from behind",
    file: "scheduler/build/BatchRows.ts",
    from: "if (!skipped.has(row)) before = row\n      return before",
    to: "if (!skipped.has(row)) before = row\n      return skipped.has(row) ? (made.at(-1) as number) : before"
  },
  {
    name: "fused stages draw from the seeds of the first",
    file: "scheduler/build/PlainStages.ts",
    from: "current.moveTo(all[stage] as SeededStage, rows.rowOf(place))",
    to: "current.moveTo(all[0] as SeededStage, rows.rowOf(place))"
  },
  {
    name: "a fused step counts rows without those that were filtered",
    file: "scheduler/build/PlainStages.ts",
    from: "current.moveTo(all[stage] as SeededStage, rows.rowOf(place))",
    to: "current.moveTo(all[stage] as SeededStage, place)"
  },
  {
    name: "the stage behind fused ones is left out",
    file: "scheduler/plan/Program.ts",
    from: "at += fused?.length ?? 1",
    to: "at += (fused?.length ?? 0) + 1"
  },
  {
    name: "an interrupt lets a stage's effects run on",
    file: "core/Concurrent.ts",
    from: "Effect.onInterrupt(restore(waiting), () => end)",
    to: "restore(waiting)"
  },
  {
    name: "a checkpoint is renamed before it is synced",
    file: "checkpoint/FileStore.ts",
    from: "Effect.zipRight(file.writeAll(bytes), file.sync)",
    to: "file.writeAll(bytes)"
  },
  {
    name: "a checkpoint is written in place",
    file: "checkpoint/FileStore.ts",
    from: "const torn = ",
    to: "const torn = path; void "
  },
  {
    name: "the folder is not synced",
    file: "checkpoint/FileStore.ts",
    from: "Effect.zipRight(settle(fs, directory)),",
    to: ""
  },
  {
    name: "half-written checkpoints are left behind",
    file: "checkpoint/FileStore.ts",
    from: "if (TORN.test(name)) yield*",
    to: 'if (name === "") yield*'
  },
  {
    name: "the oldest checkpoint is taken for the newest",
    file: "checkpoint/CheckpointManager.ts",
    from: "all.toSorted(Reading.newestFirst)",
    to: "all.toSorted(Reading.newestFirst).toReversed()"
  },
  {
    name: "a full disk is no error",
    file: "checkpoint/CheckpointManager.ts",
    from: "yield* store.write(path, bytes)\n        next = id + 1\n        yield* Reading.readBack(store, path, bytes)\n",
    to: "yield* Effect.ignore(store.write(path, bytes))\n        next = id + 1\n"
  }
]

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const { values } = parseArgs({
  options: { cases: { type: "string", default: "2000" }, seed: { type: "string", default: "1" } }
})

const folder = mkdtempSync(join(tmpdir(), "furrow-mutants-"))
for (const part of ["src", "test", "package.json", "tsconfig.json", "deno.json"]) {
  cpSync(join(root, part), join(folder, part), { recursive: true })
}
symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))

let lived = 0
console.log(`${mutants.length} mutants, at most ${values.cases} cases of seed ${values.seed} each`)
for (const { file, from, name, to } of mutants) {
  const path = join(folder, "src", file)
  const source = readFileSync(path, "utf8")
  if (source.split(from).length !== 2) throw new Error(`${file} does not hold this once: ${from}`)
  writeFileSync(
    path,
    source.replace(from, () => to)
  )
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(folder, "test/sim/run.ts"), "--cases", values.cases, "--seed", values.seed],
    { encoding: "utf8", timeout: 600_000 }
  )
  writeFileSync(path, source)
  const caught = /broken after (\d+) cases.*?: (.*)/.exec(stderr)
  const told = caught === null ? (stderr.trim().split("\n").at(-1) ?? "") : (caught[2] ?? "")
  if (status === 0) lived++
  const end = status === 0 ? "LIVED" : caught === null ? "crashed" : `case ${caught[1]}`
  console.log(
    `${end.padEnd(10)} ${file.padEnd(26)} ${name}\n${" ".repeat(38)}${(status === 0 ? stdout : told).trim().split("\n").at(-1)?.slice(0, 120)}`
  )
}
rmSync(folder, { recursive: true, force: true })
console.log(lived === 0 ? "all were caught" : `${lived} lived`)
process.exitCode = lived === 0 ? 0 : 1
