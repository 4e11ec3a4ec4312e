/**
 * `pipelines/merge.ts`, and the ranks of `train.ts` that it puts together.
 */
import { describe, expect, test } from "bun:test"
import { start, TIME } from "../support/process.ts"

const last = (stdout: string) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "")

const few = ["--limit", "500", "--epochs", "2", "--batch-size", "48", "--workers", "2"]

describe("ranks that know nothing of each other", () => {
  test.each([1, 3, 8])(
    "make up the single rank's batches, to the bit, under elastic: %i of them",
    async (world) => {
      const { code, stdout } = await start("merge.ts", [
        ...few,
        "--world",
        String(world),
        "--policy",
        "elastic",
        "--json"
      ]).ended
      expect(code).toBe(0)
      const { digest, once, order, ranks, samples, single } = last(stdout)
      expect({ once, order, samples, digest }).toEqual({
        once: true,
        order: true,
        samples: 1000,
        digest: single.digest
      })
      expect(ranks).toHaveLength(world)
      expect(ranks.reduce((sum: number, rank: { samples: number }) => sum + rank.samples, 0)).toBe(1000)

      // On that rank's own machine, with other workers.
      const rank = world - 1
      const args = ["--rank", String(rank), "--world", String(world), "--policy", "elastic", "--no-train", "--json"]
      const own = await start("train.ts", [...few.slice(0, 6), "--workers", "3", ...args]).ended
      expect(last(own.stdout).digest).toBe(ranks[rank].digest)
    },
    2 * TIME
  )

  test(
    "keep the single rank's order where each draws its own",
    async () => {
      const { code, stdout } = await start("merge.ts", [...few, "--world", "2", "--json"]).ended
      expect(code).toBe(0)
      const { digest, once, order, single } = last(stdout)
      expect({ once, order }).toEqual({ once: true, order: true })
      expect(digest).not.toBe(single.digest)
    },
    TIME
  )

  test(
    "are read from the environment, by Furrow's names before those of launchers",
    async () => {
      const args = ["--limit", "96", "--batch-size", "48", "--epochs", "1", "--no-train", "--json"]
      const environment = { RANK: "0", WORLD_SIZE: "2", FURROW_RANK: "1" }
      const { code, stdout } = await start("train.ts", args, { env: environment }).ended
      expect(code).toBe(0)
      expect(last(stdout)).toMatchObject({ rank: 1, world: 2, samples: 48 })
    },
    TIME
  )

  test(
    "are refused where they cannot be",
    async () => {
      const cases = [
        [["--rank", "2", "--world", "2", "--no-train"], {}, "--rank 2 is not below the world size, --world 2"],
        [["--world", "2"], {}, "add --no-train"],
        [["--no-train"], { RANK: "5" }, "rank 5 is not below the world size 1; set FURROW_WORLD_SIZE, too"],
        [["--no-train"], { WORLD_SIZE: "two" }, '"two" is no whole number']
      ] as const
      for (const [args, env, message] of cases) {
        const { code, stderr } = await start("train.ts", args, { env }).ended
        expect(stderr).toContain(message)
        expect(code).toBe(2)
      }
      expect((await start("merge.ts", ["--world", "65"]).ended).code).toBe(2)
    },
    TIME
  )
})
