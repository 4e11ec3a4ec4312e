/**
 * `pipelines/prepare.ts` and `pipelines/inspect.ts`, as a person runs them.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync, zstdCompressSync } from "node:zlib"
import { Cause, Effect, Either } from "effect"
import { firsts, LEFT_OUT } from "../../pipelines/prepare/Dedup.ts"
import { load, writtenBy } from "../../pipelines/prepare/Module.ts"
import { Dataset, Format, Store } from "../../src/index.ts"
import { start, TIME } from "../support/process.ts"
import { tarOf } from "../support/tar.ts"

const root = mkdtempSync(join(tmpdir(), "furrow-prepare-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const env = { FURROW_CACHE: join(root, "cache") }
const run = (program: "prepare" | "inspect", ...args: ReadonlyArray<string>) =>
  start(`${program}.ts`, args, { env }).ended

const rows = Array.from({ length: 400 }, (_, n) => ({ n, text: `review ${n % 300}` }))
const input = join(root, "in.jsonl.gz")
writeFileSync(input, gzipSync(rows.map((row) => `${JSON.stringify(row)}\n`).join("")))

const read = async <A>(folder: string, format: Format.Format<A>): Promise<ReadonlyArray<A>> => {
  const open = Dataset.open(folder, { format, index: false })
  const all = Effect.flatMap(open, (own) => own.getMany(Array.from({ length: own.size }, (_, at) => at)))
  return Effect.runPromise(all)
}

describe("prepare", () => {
  test(
    "writes a compressed file to shards that can be sought, with a module's filter and map",
    async () => {
      const module = join(root, "module.ts")
      writeFileSync(
        module,
        "export const filter = (row: { n: number }) => row.n % 2 === 0\nexport const map = (row: object) => ({ ...row, even: true })\n"
      )
      const to = join(root, "even")
      const ended = await run("prepare", input, "--to", to, "--rows", "150", "--module", module, "--json")
      expect(ended).toMatchObject({ code: 0, stderr: "" })
      expect(JSON.parse(ended.stdout)).toMatchObject({ to, shards: 2, rows: 200, skipped: 0 })
      expect(readdirSync(to).toSorted()).toEqual(["manifest.json", "shard-00000.jsonl.gz", "shard-00001.jsonl.gz"])
      const expected = rows.filter(({ n }) => n % 2 === 0).map((row) => ({ ...row, even: true }))
      expect(await read(to, Format.jsonl<unknown>())).toEqual(expected)
      const looked = await run("inspect", to, "--check", "--json")
      expect(looked).toMatchObject({ code: 0, stderr: "2 shards match manifest.json\n" })
      expect(JSON.parse(looked.stdout)).toMatchObject({ rows: 200, blocks: 2, index: { scanned: 2 } })
      expect((await run("inspect", to, "--blocks")).stdout).toContain("2 shards, 200 rows, 2 blocks")
    },
    TIME
  )

  test(
    "does not take a fault of its module or its flags for bad rows: --skip-bad leaves none or all of them out",
    async () => {
      const lines = join(root, "lines.jsonl")
      writeFileSync(lines, rows.map((row) => `${JSON.stringify(row)}\n`).join(""))
      let to = 0
      const prepared = (...flags: ReadonlyArray<string>) =>
        run("prepare", lines, "--to", join(root, `faulty${to++}`), "--format", "jsonl", ...flags)
      const waits = "InvalidResult: it returned a Promise; the functions of --module must be plain functions"
      for (const [code, said] of [
        ["map = async (row: object) => row", waits],
        ["filter = async () => true", waits],
        ["map = (row: { txt: string }) => row.txt.length", "prepare: no row is left: 400 samples could not be made"],
        [
          "filter = ({ n }: { n: number }) => n < 9\nexport const map = (row: { txt: string }) => row.txt.length",
          "prepare: no row is left: 9 samples could not be made"
        ]
      ] as const) {
        const module = join(root, `faulty${code.length}.ts`)
        writeFileSync(module, `export const ${code}\n`)
        const ended = await prepared("--module", module, "--skip-bad")
        expect([ended.code, ended.stderr.includes(said), ended.stderr.includes("replay")]).toEqual([1, true, false])
      }
      const keyless = await prepared("--dedup-by", "nope")
      expect([keyless.code, keyless.stderr]).toEqual([2, 'prepare: --dedup-by: no row has a field "nope"\n'])
      const seeded = await prepared("--seed", "3")
      expect([seeded.code, seeded.stderr]).toEqual([2, "prepare: --seed has no use without --shuffle\n"])
      const module = join(root, "none.ts")
      writeFileSync(module, "export const filter = () => false\n")
      const none = join(root, "none")
      expect((await run("prepare", lines, "--to", none, "--format", "jsonl", "--module", module)).code).toBe(0)
      expect((await run("inspect", none)).stderr).toBe(`inspect: ${none} has no rows, by its manifest\n`)
    },
    TIME
  )

  test(
    "called off by Ctrl-C, says what is finished, and goes on from there",
    async () => {
      const module = join(root, "slow.ts")
      writeFileSync(
        module,
        "export const map = (row: object) => {\n  for (const end = performance.now() + 1; performance.now() < end; ) {}\n  return row\n}\n"
      )
      const long = join(root, "long.jsonl")
      writeFileSync(long, Array.from({ length: 4000 }, (_, n) => `{"n":${n}}\n`).join(""))
      const to = join(root, "called off")
      const flags = [long, "--to", to, "--format", "jsonl", "--rows", "200", "--module", module]
      const { child, ended } = start("prepare.ts", flags, { env })
      while (!existsSync(join(to, "shard-00001.jsonl"))) await new Promise((resolve) => setTimeout(resolve, 5))
      process.kill(child.pid ?? Number.NaN, "SIGINT")
      const { code, stderr, stdout } = await ended
      expect([code, stdout]).toEqual([1, ""])
      expect(stderr).toMatch(/^prepare: called off with \d+ shards? finished; the same command goes on from there\n$/)
      expect(existsSync(join(to, "manifest.json"))).toBe(false)
      expect((await run("prepare", ...flags)).code).toBe(0)
      expect(await read(to, Format.jsonl())).toEqual(Array.from({ length: 4000 }, (_, n) => ({ n })))
    },
    TIME
  )

  test(
    "leaves out duplicates, shuffles and writes another format; killed and started again, the same shards",
    async () => {
      const flags = ["--dedup-by", "text", "--shuffle", "--seed", "3", "--format", "parquet", "--rows", "40"]
      const whole = join(root, "whole")
      expect(await run("prepare", input, "--to", whole, ...flags)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("wrote 300 rows"),
        stderr: "100 of 400 rows are duplicates\n"
      })
      const found = await read(whole, Format.parquet())
      expect(found.map(({ n }) => Number(n)).toSorted((one, other) => one - other)).toEqual(
        Array.from({ length: 300 }, (_, n) => n)
      )
      expect(found.some(({ n }, at) => n !== at)).toBe(true)
      const killed = join(root, "killed")
      const { child, ended } = start("prepare.ts", [input, "--to", killed, ...flags], { env })
      const shard = join(killed, "shard-00001.parquet")
      const timer = setInterval(() => existsSync(shard) && child.kill("SIGKILL"), 1)
      await ended
      clearInterval(timer)
      expect(existsSync(shard)).toBe(true)
      expect((await run("prepare", input, "--to", killed, ...flags)).code).toBe(0)
      const names = readdirSync(whole)
      expect(readdirSync(killed)).toEqual(names)
      for (const name of names) expect(readFileSync(join(killed, name))).toEqual(readFileSync(join(whole, name)))
      const other = await run("prepare", input, "--to", killed, ...flags.with(4, "4"))
      expect(other.code).toBe(1)
      expect(other.stderr).toContain("seed: was 3, is 4\n")
    },
    TIME
  )

  test(
    "writes the columns that are chosen, of each format, and leaves out bad rows also where it looks for duplicates",
    async () => {
      const bad = join(root, "bad.jsonl")
      writeFileSync(bad, '{"n":1,"name":"a"}\n{"n":\n{"n":1,"name":"b"}\n{"n":2,"name":"c"}\n')
      const to = join(root, "chosen")
      const ended = await run("prepare", bad, "--columns", "n,m", "--skip-bad", "--dedup", "--to", to)
      expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining("left out 1 sample") })
      expect(ended.stderr).toContain("1 of 3 rows are duplicates; 1 cannot be read\n")
      expect(ended.stderr).toContain("no row had m, named by --columns\n")
      expect(await read(to, Format.jsonl<unknown>())).toEqual([{ n: 1 }, { n: 2 }])
      const table = join(root, "chosen.csv")
      writeFileSync(table, "id,name\n1,a\n")
      const refused = await run("prepare", table, "--columns", "id,nme", "--to", join(root, "none"))
      expect(refused).toMatchObject({ code: 2 })
      expect(refused.stderr).toContain("--columns nme: the shards have no such column; they have id, name")
    },
    TIME
  )

  test(
    "into a folder that it reads is refused before anything is written",
    async () => {
      const to = join(root, "train")
      const refused = await run("prepare", root, "--from", "jsonl", "--to", to)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toContain(`${to}: the input ${root} is read from a folder in which this one lies`)
      expect(existsSync(to)).toBe(false)
    },
    TIME
  )

  test(
    "of tars with equal keys: the error names a way out, which works",
    async () => {
      const tars = ["one", "two"].map((name) => {
        const path = join(root, `${name}.tar`)
        writeFileSync(path, tarOf({ name: "sample0001.txt", body: name }))
        return path
      })
      const to = join(root, "tars")
      const refused = await run("prepare", ...tars, "--to", to)
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(/two samples of a shard have the key "sample0001"; map __key__ .* or leave it out/)
      const module = join(root, "unkeyed.ts")
      writeFileSync(module, "export const map = ({ __key__, ...files }: Readonly<Record<string, unknown>>) => files\n")
      expect(await run("prepare", ...tars, "--to", `${to}-numbered`, "--module", module)).toMatchObject({ code: 0 })
      const found = await read(`${to}-numbered`, Format.tar())
      expect(found.map((row) => [row.__key__, row["txt"]])).toEqual([
        ["000000000", "one"],
        ["000000001", "two"]
      ])
    },
    TIME
  )

  test(
    "of a large member: all frames and lines as Format.text has them, beside a plain shard, without those that are bad",
    async () => {
      const large = `${"x".repeat(2 ** 18)}\n`.repeat(1024)
      const small = Buffer.concat([Buffer.from("\n a\r\n\r\n"), Uint8Array.of(0xff, 10)])
      const one = join(root, "lines-1.txt")
      writeFileSync(one, "first\n\n")
      // Its name does not say that it is compressed.
      const two = join(root, "lines-2.txt")
      writeFileSync(two, Buffer.concat([zstdCompressSync(large), zstdCompressSync(small)]))
      const module = join(root, "short.ts")
      writeFileSync(module, "export const filter = (row: string) => row.length < 100\n")
      const to = join(root, "lines")
      const flags = ["--to", to, "--format", "jsonl", "--module", module, "--json"]
      const ended = await run("prepare", one, two, ...flags, "--skip-bad")
      expect(ended).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/one large member: read in order\nleft out: /)
      })
      expect(JSON.parse(ended.stdout)).toMatchObject({ rows: 5, skipped: 1 })
      expect(await read(to, Format.jsonl<unknown>())).toEqual(["first", "", "", " a", ""])
    },
    TIME
  )

  test(
    "of a large member of CSV: cells in quotes that hold newlines are as in a small one",
    async () => {
      // More than memberBytes once unpacked, with rows of 64 KiB.
      const long = "x".repeat(2 ** 16)
      const path = join(root, "large.csv.gz")
      const rows = Array.from({ length: 4200 }, (_, n) => `${n},"a\n""${n}""",${long}\n`)
      writeFileSync(path, gzipSync(`n,text,long\n${rows.join("")}`, { level: 1 }))
      const module = join(root, "narrow.ts")
      writeFileSync(
        module,
        "export const filter = ({ n }: { n: number }) => n % 1000 === 7\nexport const map = ({ n, text, long }: { n: number; text: string; long: string }) => ({ n, text, long: long.length })\n"
      )
      const to = join(root, "csv")
      const ended = await run("prepare", path, "--to", to, "--format", "jsonl", "--module", module, "--json")
      expect(ended).toMatchObject({ code: 0, stderr: `${path} is one large member: read in order\n` })
      expect(await read(to, Format.jsonl<unknown>())).toEqual(
        [7, 1007, 2007, 3007, 4007].map((n) => ({ n, text: `a\n"${n}"`, long: 2 ** 16 }))
      )
    },
    TIME
  )

  test(
    "without the rows of a damaged block: told once, with their count, also when it is run again",
    async () => {
      const good = join(root, "good")
      await run("prepare", input, "--to", good, "--format", "parquet")
      const bytes = readFileSync(join(good, "shard-00000.parquet"))
      const bad = join(root, "bad.parquet")
      // The header of the first page of the only row group.
      writeFileSync(bad, bytes.fill(255, 4, 24))
      const to = join(root, "undamaged")
      const args = [join(good, "shard-00000.parquet"), bad, "--to", to, "--format", "jsonl", "--skip-bad"]
      const first = await run("prepare", ...args)
      expect(first.code).toBe(0)
      expect(first.stdout).toMatch(/^wrote 400 rows, .*; left out 400 samples that cannot be read\n$/)
      const lines = first.stderr.trim().split("\n")
      expect(lines.map((line) => line.replace(/^(left out: (stage|\d+ more samples)).*$/, "$1"))).toEqual([
        "left out: stage",
        "left out: 399 more samples"
      ])
      expect(await run("prepare", ...args)).toMatchObject({ code: 0, stderr: "", stdout: first.stdout })
    },
    TIME
  )

  test(
    "says in a line what is wrong with its flags",
    async () => {
      for (const [args, wanted] of [
        [["--to", join(root, "x"), "--format", "tar", "--compression", "gzip"], "--compression gzip is not for tar"],
        [["--to", join(root, "x"), "--rows", "2", "--shards", "2"], "shards must be left out beside rows"],
        [
          ["--to", join(root, "x"), "--dedup", "--shuffle", "--seed", "1", "--shards", "16"],
          "--shards needs the number of rows, which --dedup changes: give --rows or --bytes"
        ]
      ] as const) {
        const { code, stderr } = await run("prepare", input, ...args)
        expect({ code, lines: stderr.trim().split("\n").length }).toEqual({ code: 2, lines: 1 })
        expect(stderr).toContain(wanted)
      }
    },
    TIME
  )
})

describe("deduplication", () => {
  test("is another run where a file that its module imports has changed", async () => {
    const module = join(root, "imports.ts")
    writeFileSync(module, 'import { scale } from "./scale.ts"\nexport const map = (n: number) => n * scale\n')
    const hashWith = async (scale: number): Promise<string> => {
      writeFileSync(join(root, "scale.ts"), `export const scale = ${scale}\n`)
      return (await Effect.runPromise(load(module))).hash
    }
    const own = await hashWith(1)
    expect(await hashWith(2)).not.toBe(own)
    expect(await hashWith(1)).toBe(own)
  })

  test("takes no promise of a module for a row: they would all be equal", async () => {
    const module = join(root, "promises.ts")
    writeFileSync(module, "export const map = async (row: unknown) => { throw new Error(String(row)) }\n")
    const written = writtenBy<unknown>(await Effect.runPromise(load(module)), LEFT_OUT)
    const found = await Effect.runPromise(firsts(Dataset.range(3), undefined, () => undefined, { written }))
    expect(found).toMatchObject({ duplicates: 0, compared: 0, failed: 3 })
    expect(() => written(0)).toThrow("it returned a Promise; the functions of --module must be plain functions")
  })

  test("compares the rows that a module makes: of those that its filter keeps each is there once", async () => {
    const own = [
      { id: 1, lang: "de" },
      { id: 1, lang: "EN" },
      { id: 2, lang: "en" },
      { id: 2, lang: "fr" },
      { id: 3, lang: "en" }
    ]
    const low = writtenBy<unknown>(
      {
        filter: (row) => (row as (typeof own)[number]).lang !== "de",
        map: (row) => {
          const { id, lang } = row as (typeof own)[number]
          if (id === 3) throw new Error("no row")
          return { lang: lang.toLowerCase() }
        }
      },
      LEFT_OUT
    )
    const found = await Effect.runPromise(firsts(Dataset.fromArray(own), undefined, () => undefined, { written: low }))
    expect(found).toMatchObject({ duplicates: 1, compared: 3, keyless: 0, failed: 1 })
    expect(own.map((_, index) => found.isKept(index))).toEqual([true, true, false, true, true])
  })

  test("tells a large integer and bytes from records that are shown as they are", async () => {
    const rows: ReadonlyArray<{ readonly id: unknown }> = [
      { id: 2n ** 60n },
      { id: { $bigint: String(2n ** 60n) } },
      { id: { $$bigint: "1" } },
      { id: { $bigint: "1" } }
    ]
    const found = await Effect.runPromise(firsts(Dataset.fromArray(rows), "id", () => undefined))
    expect(found).toMatchObject({ duplicates: 0, compared: 4 })
  })

  test("leaves out bad rows, and fails for those that a store does not give: they would be written uncompared", async () => {
    const failing = (error: Error) =>
      Dataset.effect<number, Error, never>({ size: 4, get: (n) => (n === 2 ? Effect.fail(error) : Effect.succeed(7)) })
    const found = (error: Error, skipBad = true) =>
      Effect.runPromise(Effect.either(firsts(failing(error), undefined, () => undefined, { skipBad })))
    const bad = new Format.ShardError({ shard: "a", format: "jsonl", row: 2, reason: "it is not JSON" })
    expect(await found(bad)).toMatchObject({ right: { unread: 1, compared: 3, duplicates: 2 } })
    expect(await found(bad, false)).toEqual(Either.left(bad))
    const damaged = new Store.StoreError({ location: "a", kind: "invalid", reason: "other bytes" })
    expect(await found(damaged)).toMatchObject({ right: { unread: 1 } })
    const gone = new Store.StoreError({ location: "a", kind: "failed", reason: "no connection" })
    expect(await found(gone)).toEqual(Either.left(gone))
  })

  test("keeps the first of equal rows, whatever the number of files", async () => {
    const dataset = Dataset.fromArray(Array.from({ length: 1000 }, (_, n) => ({ n, key: (n * 7) % 90 })))
    for (const atOnce of [1000, 100, 10]) {
      const kept = await Effect.runPromise(firsts(dataset, "key", () => undefined, { atOnce }))
      expect(kept.duplicates).toBe(910)
      const all = Array.from({ length: 1000 }, (_, n) => n).filter((n) => kept.isKept(n))
      expect(all).toEqual(Array.from({ length: 90 }, (_, n) => n))
    }
    expect((await Effect.runPromise(firsts(dataset, undefined, () => undefined))).duplicates).toBe(0)
  })

  test("leaves no temporary files, however the process ends: they have no names while they are in use", async () => {
    const before = process.env["TMPDIR"]
    const folder = mkdtempSync(join(root, "tmp-"))
    process.env["TMPDIR"] = folder
    try {
      const dataset = Dataset.fromArray(Array.from({ length: 3000 }, (_, n) => n % 2000))
      const seen: Array<ReadonlyArray<string>> = []
      const { duplicates } = await Effect.runPromise(
        firsts(dataset, undefined, () => void seen.push(readdirSync(folder)), { atOnce: 1000 })
      )
      expect(tmpdir()).toBe(folder)
      expect(duplicates).toBe(1000)
      expect(seen).toEqual([[], [], []])
      expect(readdirSync(folder)).toEqual([])
      process.env["TMPDIR"] = join(folder, "gone")
      const error = await Effect.runPromise(Effect.flip(Effect.sandbox(firsts(dataset, undefined, () => undefined))))
      expect(String(Cause.squash(error))).toMatch(
        /the hashes of rows cannot be kept in .*gone: .*; make room there, or set TMPDIR to another folder: it takes 32 bytes for each row$/
      )
    } finally {
      if (before === undefined) delete process.env["TMPDIR"]
      else process.env["TMPDIR"] = before
    }
  })

  test("keeps each row that lacks the field; null is a value", async () => {
    const rows = [{ k: null }, { n: 1 }, { k: null }, { n: 1 }, { k: 1 }, null, "text", { k: 1 }]
    const kept = await Effect.runPromise(firsts(Dataset.fromArray<unknown>(rows), "k", () => undefined))
    expect(rows.map((_, at) => kept.isKept(at))).toEqual([true, true, false, true, true, true, true, false])
    expect(kept).toMatchObject({ duplicates: 2, keyless: 4 })
  })

  test("compares records by their fields, in whichever order these are", async () => {
    const rows = [
      { id: 1, t: { x: [{ a: 1, b: 2 }], y: null } },
      { t: { y: null, x: [{ b: 2, a: 1 }] }, id: 1 },
      { id: 1, t: { x: [{ b: 1, a: 2 }], y: null } },
      { id: 1, t: { x: [{ a: 1, b: 2 }] } }
    ]
    for (const field of [undefined, "t"]) {
      const { isKept } = await Effect.runPromise(firsts(Dataset.fromArray(rows), field, () => undefined))
      expect(rows.map((_, at) => isKept(at))).toEqual([true, false, true, true])
    }
  })
})
