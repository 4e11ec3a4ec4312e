/**
 * `pipelines/article.ts` as a person runs it.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { BunContext } from "@effect/platform-bun"
import { Effect } from "effect"
import { read } from "../../pipelines/article/NumPyState.ts"
import { NumPy } from "../../src/index.ts"
import { root, start, TIME } from "../support/process.ts"

const folder = mkdtempSync(join(tmpdir(), "furrow-article-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Chapter {
  readonly name: string
  readonly workers: number
  readonly repeated: number
  readonly samples: ReadonlyArray<{
    readonly epoch: number
    readonly worker: number
    readonly draws: ReadonlyArray<number>
  }>
}

const tell = async (...args: ReadonlyArray<string>) => {
  const { code, stderr, stdout } = await start("article.ts", ["--json", ...args]).ended
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  const chapters: ReadonlyArray<Chapter> = JSON.parse(stdout.trim().split("\n").at(-1) ?? "").chapters
  const chapter = (name: string) => chapters.find((one) => one.name === name) as Chapter
  return { stdout, chapters, chapter }
}

const draws = ({ samples }: Chapter, where: (sample: Chapter["samples"][0]) => boolean) =>
  samples.filter(where).map((sample) => sample.draws)

describe("the story", () => {
  test(
    "has the article's own numbers in the tables of the fixes, and counts their repeats",
    async () => {
      const article = JSON.parse(readFileSync(join(root, "test", "parity", "reference", "article.json"), "utf8"))
      const { chapter, chapters, stdout } = await tell()
      const first = chapter("stateWorker")
      for (const worker of [0, 1]) {
        expect(draws(first, (sample) => sample.worker === worker)).toEqual(
          article.naive_fix.batches_by_worker[worker].flat()
        )
      }
      const epochs = chapter("stateWorkerEpochs")
      for (const epoch of [0, 1, 2]) {
        expect(draws(epochs, (sample) => sample.epoch === epoch)).toEqual(article.naive_fix_epochs.every_epoch.flat())
      }
      // 16 samples in two epochs, of which only worker 0's four of the first are new; and so on.
      expect(chapters.map(({ name, repeated }) => [name, repeated])).toEqual([
        ["forked", 12],
        ["stateWorker", 0],
        ["stateWorkerEpochs", 16],
        ["stateEpochWorker", 12],
        ["globalStep", 0],
        ["initialSeed", 0],
        ["pytorch", 0],
        ["epochWorker", 0]
      ])
      expect(stdout).toContain("[282   4 785]")
      expect(stdout).toContain("came from a state that nobody knows")
      expect(stdout).toContain("repeats: 12 of 24 samples")
      expect(stdout).not.toContain("\u001b[")
    },
    TIME
  )

  test(
    "is the same each time, but for another seed of torch and the cure",
    async () => {
      const one = await tell()
      expect((await tell()).stdout).toBe(one.stdout)
      const other = await tell("--seed", "43")
      expect(other.chapter("stateWorker")).toEqual(one.chapter("stateWorker"))
      for (const name of ["initialSeed", "pytorch", "epochWorker"]) {
        expect(other.chapter(name).samples).not.toEqual(one.chapter(name).samples)
      }
    },
    TIME
  )

  test(
    "starts from a state of your own",
    async () => {
      const numpy = NumPy.randomState(7)
      numpy.standardNormal()
      const { cachedGaussian, hasGauss, position, words } = numpy.state()
      const path = join(folder, "state.json")
      writeFileSync(path, JSON.stringify(["MT19937", Array.from(words), position, Number(hasGauss), cachedGaussian]))
      const { chapter } = await tell("--numpy-state", path)
      const drawn = [numpy.randint(0, 1000), numpy.randint(0, 1000), numpy.randint(0, 1000)]
      for (const worker of [0, 1]) {
        expect(draws(chapter("forked"), (sample) => sample.worker === worker)[0]).toEqual(drawn)
      }
    },
    TIME
  )
})

describe("wrong usage meets one line and exit code 2", () => {
  const words = JSON.stringify(new Array(624).fill(1))

  test.each([
    ["no file", undefined, "missing.json"],
    ["a truncated file", '["MT19937", [1, 2', "numpy-state"],
    ["too few words", '["MT19937", [1, 2], 624, 0, 0]', "624"],
    ["a word that is none", `["MT19937", ${words.replace("1", "-1")}, 624, 0, 0]`, "-1"],
    ["another generator", `["PCG64", ${words}, 624, 0, 0]`, "PCG64"],
    ["a position beyond the state", `["MT19937", ${words}, 625, 0, 0]`, "625"]
  ] as const)("%s", async (_, text, said) => {
    const path = join(folder, text === undefined ? "missing.json" : "bad.json")
    if (text !== undefined) writeFileSync(path, text)
    const error = await Effect.runPromise(read(path).pipe(Effect.flip, Effect.provide(BunContext.layer)))
    expect(error).toMatchObject({ _tag: "Usage" })
    expect(error.message.split("\n")).toHaveLength(1)
    expect(error.message).toContain(said)
  })

  test(
    "a seed that is none, and a state that is none",
    async () => {
      const state = join(folder, "none.json")
      writeFileSync(state, "[]")
      for (const [option, value] of [
        ["--seed", "-3"],
        ["--numpy-state", state]
      ] as const) {
        const { code, stderr, stdout } = await start("article.ts", [option, value]).ended
        expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
        expect(stderr).toContain(`${option} "${value}"`)
        expect(stderr.trim().split("\n")).toHaveLength(1)
      }
    },
    TIME
  )
})
