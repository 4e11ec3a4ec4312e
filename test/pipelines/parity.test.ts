/**
 * `pipelines/parity.ts` as a person runs it.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BunContext } from "@effect/platform-bun"
import { Effect, Either } from "effect"
import * as Json from "../../pipelines/parity/Json.ts"
import { read, verify } from "../../pipelines/parity/Reference.ts"
import { root, start, TIME } from "../support/process.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-parity-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const reference = (name: string) => readFileSync(join(root, "test", "parity", "reference", name), "utf8")

const entry = (content: Record<string, Record<string, unknown>>, section: string, seed: string) =>
  content[section]?.[seed] as Record<string, unknown>

let files = 0
const file = (text: string): string => {
  const path = join(folder, `${files++}.json`)
  writeFileSync(path, text)
  return path
}

const run = (...args: ReadonlyArray<string>) => start("parity.ts", args).ended

const parsed = (text: string) => Either.getOrThrow(Json.parse(text)) as Record<string, unknown>

describe("JSON", () => {
  test("keeps whole numbers beyond 2^53, and leaves all else as it is", () => {
    const text = '{"a":9007199254740993,"b":-3538912189886113601,"c":[1.5,1e300,-0.1,7,"9007199254740993",null,true]}'
    expect(parsed(text)["a"]).toBe(9007199254740993n)
    expect(Json.format(parsed(text))).toBe(text.replace("1e300", "1e+300"))
    expect(Either.isLeft(Json.parse('{"a":'))).toBe(true)
  })
})

describe("replaying references", () => {
  test(
    "all of those that come with Furrow pass, a line a section",
    async () => {
      const { code, stderr, stdout } = await run()
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
      const lines = stdout.trim().split("\n")
      expect(lines.at(-1)).toBe("943 passed, 0 failed")
      for (const section of [
        "numpy_legacy_array",
        "numpy_philox",
        "seed_sequence",
        "pytorch ",
        "cpython",
        "loader, fork"
      ]) {
        expect(lines.some((line) => line.trim().startsWith(section))).toBe(true)
      }
    },
    TIME
  )

  test(
    "a value that differs is named with its place, and is exit code 1",
    async () => {
      const content = parsed(reference("generators.json")) as Record<
        string,
        Record<string, Record<string, Array<number>>>
      >
      const own = content["cpython"]?.["42"]?.["randint_0_999"] as Array<number>
      own[7] = (own[7] ?? 0) + 1
      const { code, stdout } = await run(file(Json.format({ cpython: { 42: content["cpython"]?.["42"] } })))
      expect(code).toBe(1)
      expect(stdout).toContain("6 passed, 1 failed")
      expect(stdout).toContain(`first: cpython, seed 42, randint_0_999[7]: ${own[7]}, drawn ${Number(own[7]) - 1}`)
    },
    TIME
  )

  test(
    "a normal may be off by 1e-12, or in float32 by 1e-6, and by no more; a batch too few is seen",
    async () => {
      const { numpy_pcg64, pytorch } = parsed(reference("generators.json")) as Record<string, Record<string, unknown>>
      const off = (values: unknown, by: number) => (values as ReadonlyArray<number>).map((value) => value * (1 + by))
      const numpy = numpy_pcg64?.["1"] as Record<string, unknown>
      const torch = pytorch?.["1"] as Record<string, unknown>
      const of = (double: number, float: number) =>
        file(
          Json.format({
            numpy_pcg64: { 1: { standard_normal: off(numpy["standard_normal"], double) } },
            pytorch: { 1: { randn_20: off(torch["randn_20"], float) } }
          })
        )
      expect((await run(of(5e-13, 5e-7))).stdout).toContain("2 passed, 0 failed")
      expect((await run(of(3e-12, 3e-6))).stdout).toContain("0 passed, 2 failed")

      const { cases } = parsed(reference("pytorch-dataloader.json")) as { cases: Array<{ rows: Array<unknown> }> }
      const [first = { rows: [] }] = cases
      const short = await run(file(Json.format({ cases: [{ ...first, rows: first.rows.slice(1) }] })))
      expect(short.code).toBe(1)
      expect(short.stdout).toContain("row 0")
    },
    TIME
  )
})

/** A reference file without its values. */
const bare = (text: string): string => {
  const content = parsed(text)
  const open: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(content)) {
    if (name === "cases") open[name] = (value as Array<object>).map((own) => ({ ...own, rows: undefined }))
    else if (name === "source") open[name] = value
    else if (Array.isArray(value)) {
      open[name] = value.map(({ entropy, seed, spawn_key }) => (seed === undefined ? { entropy, spawn_key } : { seed }))
    } else open[name] = Object.fromEntries(Object.keys(value as object).map((seed) => [seed, {}]))
  }
  return Json.format(open)
}

describe("--emit", () => {
  test(
    "fills in what was left out, so that it can be replayed",
    async () => {
      for (const name of ["generators.json", "pytorch-dataloader.json", "persistent-workers.json"]) {
        const { code, stderr, stdout } = await run("--emit", file(bare(reference(name))))
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
        const drawn = parsed(stdout)
        const real = parsed(reference(name))
        expect(Object.keys(drawn)).toEqual(Object.keys(real))
        // Loader cases hold no normals: all of it is equal to the digit, 63-bit seeds too.
        if ("cases" in real) expect(stdout.trim()).toBe(Json.format(real))
        const again = await run(file(stdout))
        expect(again.stdout).toMatch(/\d+ passed, 0 failed\n$/)
      }
    },
    2 * TIME
  )

  test(
    "takes seeds as a list, too, and both kinds of file in one",
    async () => {
      const loader = parsed(bare(reference("pytorch-dataloader.json")))["cases"] as ReadonlyArray<unknown>
      const text = Json.format({
        cpython: [42, 9007199254740993n, "1"],
        numpy_legacy_array: [[1, 2, 3, 4]],
        seed_sequence: [{ entropy: 42n, spawn_key: [3] }],
        cases: loader.slice(0, 1)
      })
      const { code, stdout } = await run("--emit", file(text))
      expect(code).toBe(0)
      const drawn = parsed(stdout) as Record<string, Record<string, unknown>>
      const real = parsed(reference("generators.json")) as Record<string, Record<string, unknown>>
      expect(Object.keys(drawn["cpython"] ?? {}).toSorted()).toEqual(["1", "42", "9007199254740993"])
      expect(drawn["cpython"]?.["42"]).toMatchObject({ sample: entry(real, "cpython", "42")["sample"] })
      expect((drawn["numpy_legacy_array"] as unknown as Array<object>)[0]).toMatchObject({ state0: 2147483648 })
    },
    TIME
  )
})

describe("wrong usage meets one line and exit code 2", () => {
  const loader = (change: object) => {
    const { cases } = parsed(bare(reference("pytorch-dataloader.json"))) as { cases: ReadonlyArray<object> }
    return Json.format({ cases: [{ ...cases[0], ...change }] })
  }

  test.each([
    ["no file", undefined, "cannot be read"],
    ["a truncated file", reference("generators.json").slice(0, 1000), "is no JSON"],
    ["a list", "[1, 2]", "holds no JSON object"],
    ["an unknown section", '{"numpy_modern": {"0": {}}}', '"numpy_modern" is no known section'],
    ["nothing known", '{"source": "x"}', "holds no reference"],
    ["no values", '{"cpython": {"0": {}}}', "--emit"],
    ["an unknown key", '{"cpython": {"0": {"gaus": [1]}}}', '"gaus"'],
    ["a seed that is none", '{"cpython": {"x": {"random": []}}}', '"x"'],
    ["NumPy's seed out of range", '{"numpy_legacy": {"4294967296": {"state0": 0}}}', "4294967296"],
    ["torch's seed out of range", '{"pytorch": {"18446744073709551616": {"randn_5": []}}}', "18446744073709551616"],
    ["torch's seed below its range", '{"pytorch": {"-9223372036854775809": {"randn_5": []}}}', "-9223372036854775809"],
    ["an unknown policy", loader({ policy: "additive", rows: [] }), '"additive"'],
    ["no workers", loader({ num_workers: 0, rows: [] }), "num_workers"],
    ["a batch size of 2.5", loader({ batch_size: 2.5, rows: [] }), "2.5"],
    ["a missing field", loader({ shuffle: undefined, rows: [] }), "shuffle"],
    ["rows that are none", loader({ rows: 7 }), "rows"],
    ["NumPy's seed in a case", loader({ policy: "fork", numpy_seed: -1, rows: [] }), "-1"],
    ["torch's seed in a case", loader({ torch_seed: 2n ** 64n, rows: [] }), "18446744073709551616"],
    ["a fork of an unseeded NumPy", loader({ policy: "fork", numpy_seed: null, rows: [] }), "numpy_seed"]
  ] as const)("%s", async (_, text, said) => {
    const path = text === undefined ? join(folder, "missing.json") : file(text)
    const replay = Effect.flatMap(read(path), verify).pipe(Effect.flip, Effect.provide(BunContext.layer))
    const error = await Effect.runPromise(replay)
    expect(error).toMatchObject({ _tag: "Usage" })
    expect(error.message.split("\n")).toHaveLength(1)
    expect(error.message).toContain(said)
    expect(error.message).toContain(path)
  })

  test(
    "as a process",
    async () => {
      for (const args of [[file("{")], ["--emit", file("{}")], ["--emit", "a.json", "b.json"], ["--bogus"]]) {
        const { code, stderr, stdout } = await run(...args)
        expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
        expect(stderr.trim().split("\n")).toHaveLength(1)
      }
    },
    TIME
  )
})

test(
  "torch's negative seeds are those that PyTorch takes them for",
  async () => {
    const { code, stdout } = await run("--emit", file('{"pytorch": {"-1": {}, "-9223372036854775808": {}}}'))
    expect(code).toBe(0)
    const drawn = parsed(stdout) as Record<string, Record<string, { initial_seed: string }>>
    expect(drawn["pytorch"]?.["-1"]?.initial_seed).toBe("18446744073709551615")
    expect(drawn["pytorch"]?.["-9223372036854775808"]?.initial_seed).toBe("9223372036854775808")
  },
  TIME
)
