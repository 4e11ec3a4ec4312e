/**
 * `pipelines/cat.ts`: shards of every format, a line of JSON a sample.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Option } from "effect"
import { line, preview } from "../../pipelines/cat/Line.ts"
import { chosen } from "../../pipelines/data/Chosen.ts"
import { formatFrom, opened } from "../../pipelines/data/Inputs.ts"
import { Store, Tensor } from "../../src/index.ts"
import { root, start, TIME } from "../support/process.ts"

const reference = join(root, "test", "sources", "formats", "reference")
const folder = mkdtempSync(join(tmpdir(), "furrow-cat-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const cat = (args: ReadonlyArray<string>) =>
  start("cat.ts", args, { env: { FURROW_CACHE: join(folder, "cache") } }).ended

const idsOf = (stdout: string): Array<number> =>
  stdout
    .split("\n")
    .filter((own) => own !== "")
    .map((own) => JSON.parse(own).id)

const upTo = (count: number) => Array.from({ length: count }, (_, id) => id)

test(
  "CSV files of which one has other types are read as --types says",
  async () => {
    const files = ["01234", "12345"].map((zip, id) => {
      const file = join(folder, `zip-${id}.csv`)
      writeFileSync(file, `id,zip\n${id},${zip}\n`)
      return file
    })
    const [refused, read] = await Promise.all([cat(files), cat([...files, "--types", "zip=string", "--json"])])
    expect(refused).toMatchObject({ code: 1, stdout: "" })
    expect(refused.stderr).toContain(`its rows have "zip" number where those of ${files[0]} have "zip" string;`)
    expect(read).toMatchObject({ code: 0, stdout: '{"id":0,"zip":"01234"}\n{"id":1,"zip":"12345"}\n' })
  },
  TIME
)

test(
  "CSV with another delimiter, and without a header, is read as --delimiter and --header say",
  async () => {
    const file = join(folder, "semicolons.csv")
    writeFileSync(file, "1;a\n2;b\n")
    const [refused, read] = await Promise.all([
      cat([file, "--header", "id,name"]),
      cat([file, "--delimiter", ";", "--header", "id,name", "--json"])
    ])
    expect(refused.stderr).toContain('it has 1 cell, where there are 2 columns; is "," what is between its cells')
    expect(read).toMatchObject({ code: 0, stdout: '{"id":1,"name":"a"}\n{"id":2,"name":"b"}\n' })
  },
  TIME
)

test("standard input, which no index can be made of, is refused in words", async () => {
  for (const pipe of ["-", "/dev/stdin"]) {
    const reading = opened({
      inputs: [pipe],
      format: Option.some("jsonl"),
      columns: Option.none(),
      types: Option.none(),
      delimiter: Option.none(),
      header: Option.none()
    })
    const error = await Effect.runPromise(reading.pipe(Effect.provide(Store.file), Effect.scoped, Effect.flip))
    expect(error).toMatchObject({
      _tag: "Usage",
      message: expect.stringContaining(`${pipe}: shards are read by an index`)
    })
  }
})

describe("a line", () => {
  test("is a sample whole, in forms that JSON has", () => {
    const sample = {
      bytes: Uint8Array.of(0, 255),
      big: 2n ** 60n,
      small: -7n,
      when: new Date(0),
      floats: Float32Array.of(0.5, Number.NaN, Number.POSITIVE_INFINITY, -0),
      longs: BigInt64Array.of(1n, -(2n ** 62n)),
      grid: Tensor.make(Uint8Array.of(1, 2, 3, 4, 5, 6), [3, 2]),
      scalar: Tensor.make(Int32Array.of(9), []),
      none: null,
      missing: undefined,
      text: 'a "b"\n\u2028\ud800',
      nested: [{ yes: true }, new Map([["k", 1]])]
    }
    expect(line(sample)).toBe(
      '{"bytes":{"$bytes":"AP8="},"big":{"$bigint":"1152921504606846976"},"small":-7,"when":"1970-01-01T00:00:00.000Z",' +
        '"floats":[0.5,"NaN","Infinity",-0],"longs":[1,{"$bigint":"-4611686018427387904"}],"grid":[[1,2],[3,4],[5,6]],' +
        '"scalar":9,"none":null,"missing":null,"text":"a \\"b\\"\\n\u2028\\ud800","nested":[{"yes":true},[["k",1]]]}'
    )
    expect(JSON.parse(line(sample)).floats[3]).toBe(-0)
  })

  test("for people is one line, and short", () => {
    const text = preview({ text: "x".repeat(1000), many: upTo(1000) })
    expect(text).not.toContain("\n")
    expect(text.length).toBeLessThan(300)
  })

  test("has the columns that were chosen, in their order", () => {
    expect(line(chosen(["b", "a", "toString"], { a: 1, b: 2, c: 3 }))).toBe('{"b":2,"a":1}')
    expect(chosen(["b"], "a text")).toBe("a text")
  })
})

describe("samples", () => {
  let rows: ReadonlyArray<Record<string, unknown>>
  beforeAll(async () => {
    const { code, stderr, stdout } = await cat([join(reference, "rows.jsonl"), "--json"])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    rows = stdout
      .trimEnd()
      .split("\n")
      .map((own) => JSON.parse(own))
  }, TIME)

  test(
    "are those of the file, of several files, of columns and up to a limit",
    async () => {
      expect(rows.map(({ id }) => id)).toEqual(upTo(300))
      const { stdout } = await cat([join(reference, "rows.jsonl*"), "--columns", "text,id", "--limit", "301", "--json"])
      const expected = rows.map(({ id, text }) => JSON.stringify({ text, id }))
      expect(stdout.trimEnd().split("\n")).toEqual([...expected, expected[0] ?? ""])
    },
    TIME
  )

  test(
    "of a tar have their key, and what their members hold",
    async () => {
      const { stdout } = await cat([`${reference}/shard-{000000..000002}.tar`, "--json"])
      const samples = stdout
        .trimEnd()
        .split("\n")
        .map((own) => JSON.parse(own))
      expect(samples).toHaveLength(75)
      expect(samples[0].__key__).toBe("deep/sample0000")
      expect(samples[0].cls).toBe(0)
      expect(samples[0].json).toEqual({ k: 0, t: "furrow" })
      expect(samples[0].png.$bytes.slice(0, 11)).toBe("iVBORw0KGgo")
    },
    TIME
  )

  test(
    "are each printed by one rank, in the order of the seed",
    async () => {
      const shuffled = async (rank: number) => {
        const args = ["--shuffle", "--window", "2", "--seed", "5", "--rank", String(rank), "--world", "7", "--json"]
        const { code, stdout } = await cat([join(reference, "rows.jsonl"), ...args])
        expect(code).toBe(0)
        return idsOf(stdout)
      }
      const first = await shuffled(0)
      expect(await shuffled(0)).toEqual(first)
      const all = [first]
      for (const rank of [1, 2, 3, 4, 5, 6]) all.push(await shuffled(rank))
      expect(all.flat()).not.toEqual(upTo(300))
      expect(all.flat().toSorted((a, b) => a - b)).toEqual(upTo(300))

      const plain = await cat([join(reference, "rows.jsonl"), "--rank", "1", "--world", "7", "--json"])
      expect(idsOf(plain.stdout)).toEqual(upTo(300).filter((id) => id % 7 === 1))
    },
    2 * TIME
  )

  test(
    "that cannot be read end it with their place, or are left out and told",
    async () => {
      const bad = join(folder, "bad.jsonl")
      writeFileSync(bad, '{"id":0}\n{"id":1\n{"id":2}\n')
      const failed = await cat([bad, "--json"])
      expect(failed.code).toBe(1)
      expect(failed.stderr).toContain("bad.jsonl, row 1, byte 9")
      expect(failed.stderr).toMatch(/; correct it, or leave it out with --skip-bad\n$/)
      const skipped = await cat([bad, "--json", "--skip-bad"])
      expect({ code: skipped.code, ids: idsOf(skipped.stdout) }).toEqual({ code: 0, ids: [0, 2] })
      expect(skipped.stderr).toContain("row 1")
      expect(skipped.stderr).not.toMatch(/replay|leave it out/)
    },
    TIME
  )

  test("that are named like options are not looked for: @effect/cli takes a mistyped option for a location", async () => {
    const none = {
      format: Option.none(),
      columns: Option.none(),
      types: Option.none(),
      delimiter: Option.none(),
      header: Option.none()
    }
    const error = await Effect.runPromise(Effect.flip(formatFrom({ ...none, inputs: ["in.jsonl", "--limt", "3"] })))
    expect(error.message).toBe("--limt is no option here; a file of this name is ./--limt")
  })
})

test(
  "samples of a damaged block are told by the first one and their number, in whatever order they come",
  async () => {
    const paths = ["one", "two"].map((name) => join(folder, `${name}.parquet`))
    for (const path of paths) {
      const bytes = readFileSync(join(reference, "all-zstd.parquet"))
      bytes.fill(0xff, 4, 40)
      writeFileSync(path, bytes)
    }
    const { code, stderr, stdout } = await cat([...paths, "--shuffle", "--json", "--skip-bad"])
    expect({ code, rows: stdout.trim().split("\n").length }).toEqual({ code: 0, rows: 472 })
    const lines = stderr.trim().split("\n")
    expect(lines).toHaveLength(4)
    for (const path of paths) {
      expect(lines.filter((line) => line.includes(path))).toHaveLength(2)
      expect(stderr).toContain(`left out: 63 more samples: ShardError: ${path}, byte 4`)
    }
  },
  TIME
)

describe("wrong usage is told in one line", () => {
  test.each([
    ["no ending", ["package-lock"], "does not say its format: give --format, one of jsonl, csv"],
    ["two formats", ["a.csv", "b.jsonl"], "a.csv is csv, and"],
    ["a window without an order", ["a.csv", "--window", "2"], "--window has no use without --shuffle"]
  ])(
    "%s",
    async (_, [name = "", ...args], expected) => {
      for (const own of [name, "b.jsonl"]) writeFileSync(join(folder, own), "a\n1\n")
      const paths = [name, ...(args[0] === "b.jsonl" ? args : [])].map((own) => join(folder, own))
      const { code, stderr, stdout } = await cat([...paths, ...args.filter((own) => own !== "b.jsonl")])
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
      expect(stderr).toContain(expected)
      expect(stderr.trimEnd().split("\n")).toHaveLength(1)
    },
    TIME
  )
})
