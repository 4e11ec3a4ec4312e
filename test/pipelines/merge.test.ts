/**
 * `pipelines/merge.ts`, and the ranks of `train.ts` that it puts together.
 */
import { describe, expect, test } from "bun:test"
import { start, TIME } from "../support/process.ts"

const last = (stdout: string) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "")

const few = ["--limit", "500", "--epochs", "2", "--batch-size", "48", "--workers", "2"]

describe("ranks that know nothing of each other", () => {
  // The last of 11 batches has 20 samples, which neither 3 nor 8 ranks can share equally.
  test.each([
    [1, "error", 1000, 22],
    [3, "pad", 1056, 22],
    [8, "drop", 960, 20]
  ])(
    "make up the single rank's batches, to the bit, under elastic: %i of them, uneven: %s",
    async (world, uneven, count, wanted) => {
      const { code, stdout } = await start("merge.ts", [
        ...few,
        "--uneven",
        uneven,
        "--world",
        String(world),
        "--policy",
        "elastic",
        "--json"
      ]).ended
      expect(code).toBe(0)
      const { digest, inStep, once, order, ranks, samples, single, steps } = last(stdout)
      expect({ inStep, once, order, samples, digest, steps }).toEqual({
        inStep: true,
        once: true,
        order: true,
        samples: count,
        digest: single.digest,
        steps: wanted
      })
      expect(ranks).toHaveLength(world)
      expect(ranks.reduce((sum: number, rank: { samples: number }) => sum + rank.samples, 0)).toBe(count)

      // On that rank's own machine, with other workers.
      const rank = world - 1
      const args = ["--rank", String(rank), "--world", String(world), "--policy", "elastic", "--no-train", "--json"]
      args.push("--uneven", uneven)
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
        [["--rank", "0", "--world", "2"], {}, "add --no-train"],
        [["--world", "2", "--no-train"], {}, "--world 2 without --rank would make every process rank 0"],
        [["--no-train"], { RANK: "5" }, "neither FURROW_WORLD_SIZE nor WORLD_SIZE is set; set one beside RANK"],
        [["--no-train"], { WORLD_SIZE: "4" }, "neither FURROW_RANK nor RANK is set, so every process would be rank 0"],
        [
          ["--rank", "0", "--world", "3", "--no-train", "--limit", "500", "--batch-size", "48"],
          {},
          'uneven must be "pad" (fill the last batch with the epoch\'s first samples) or "drop" (leave it out)'
        ],
        [["--uneven", "keep", "--no-train"], {}, '--uneven "keep" is not one of pad, drop, error'],
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
