/**
 * Ranks as processes, as a launcher starts them: killed apart, they go on from one step.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Ended, start, TIME } from "../support/process.ts"

let folder = ""
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "furrow-train-ranks-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Three epochs of ten batches; the last has 20 digits, which is filled up to 48. */
const SHORT = ["--json", "--no-train", "--epochs", "3", "--limit", "452", "--batch-size", "48", "--workers", "2"]

const train = (rank: number, world: number, args: ReadonlyArray<string> = []) =>
  start("train.ts", [...SHORT, "--uneven", "pad", "--policy", "elastic", ...args], {
    env: { RANK: String(rank), WORLD_SIZE: String(world) }
  })

const result = ({ code, stderr, stdout }: Ended) => {
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" })
  const { batches, digest, samples } = JSON.parse(stdout)
  return { batches, digest, samples }
}

/** Where a run went on from, as it says. */
const place = ({ stderr }: Ended) => /Going on from .*checkpoint-(\d+)\.furrow: (.*)/.exec(stderr)?.slice(1)

const written = (rank: number, world: number): ReadonlyArray<string> => {
  const own = join(folder, `rank-${rank}-of-${world}`)
  return existsSync(own) ? readdirSync(own).filter((name) => name.endsWith(".furrow")) : []
}

describe("ranks that are killed apart", () => {
  test(
    "go on from the newest step of both, and end as if nobody had disturbed them",
    async () => {
      const keeping = ["--checkpoint", folder, "--every", "5"]
      const runs = [0, 1].map((rank) => train(rank, 2, keeping))
      while (written(1, 2).length === 0 && runs[1]?.child.exitCode === null) {
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      runs[1]?.child.kill("SIGKILL")
      const [first] = await Promise.all(runs.map(({ ended }) => ended))
      // The other one was far ahead.
      expect(result(first as Ended).batches).toBe(30)

      // Both were started: the one that is behind decides.
      const again = [await train(0, 2, keeping).ended, await train(1, 2, keeping).ended]
      const places = again.map(place)
      expect(places[0]).toBeDefined()
      expect(places[1]).toEqual(places[0])
      const whole = await Promise.all([0, 1].map((rank) => train(rank, 2).ended))
      expect(again.map(result)).toEqual(whole.map(result))
      expect(whole.map(result).map(({ batches, samples }) => [batches, samples])).toEqual([
        [30, 720],
        [30, 720]
      ])

      // Another number of ranks goes on from there, too.
      for (const own of await Promise.all([0, 1, 2].map((rank) => train(rank, 3, keeping).ended)))
        expect(place(own)?.[0]).toBe("000000000030")
    },
    2 * TIME
  )

  test(
    "are not kept at times, as each would keep a step of its own",
    async () => {
      const { code, stderr } = await train(0, 2, ["--checkpoint", folder, "--every", "5s"]).ended
      expect(code).toBe(2)
      expect(stderr).toContain("--every takes a number of batches where there are several ranks")
    },
    TIME
  )
})
