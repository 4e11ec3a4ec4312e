/** What seeds cost: a fresh stream at its coordinates, and the guard over Math.random. */
import { Effect } from "effect"
import * as Ambient from "../../../src/patches/Ambient.ts"
import * as Philox from "../../../src/random/generators/Philox.ts"
import { Xoshiro128 } from "../../../src/random/generators/Xoshiro128.ts"
import { interleaved } from "../measure.ts"
import { bar, found, type Outcome, type Request, type Row, ratio } from "../Row.ts"

const BATCH = 128

const derive = async ({ rounds }: Request): Promise<Outcome> => {
  const words = new Uint32Array(4 * BATCH)
  const rng = new Xoshiro128()
  const times = 2000
  let sink = 0
  const own = "Philox head + 4 draws of xoshiro128**"
  const other = "the same 4 draws of Math.random"
  const all = await interleaved(
    [
      {
        name: own,
        run: () => {
          for (let batch = 0; batch < times; batch++) {
            for (let at = 0; at < BATCH; at++) Philox.block(at, batch, 3, 4, 5, 6, words, 4 * at)
            for (let at = 0; at < BATCH; at++) {
              rng.reseed(words, 4 * at)
              sink += rng.integer(9) + rng.integer(9) + rng.float() + rng.float()
            }
          }
          return times * BATCH
        }
      },
      {
        name: other,
        run: () => {
          for (let at = 0; at < times * BATCH; at++) {
            sink += Math.floor(Math.random() * 9) + Math.floor(Math.random() * 9) + Math.random() + Math.random()
          }
          return times * BATCH
        }
      }
    ],
    { rounds }
  )
  if (Number.isNaN(sink)) throw new Error("a draw was not a number")
  const fresh = found(all, own)
  return {
    charts: [
      {
        title: "Streams: a fresh one at its coordinates, two bounded integers and two floats from it",
        unit: "streams",
        bars: [bar(fresh, true), bar(found(all, other), false)]
      }
    ],
    figures: [
      { key: "stream+4 draws", value: fresh.median, unit: "ns", goal: { most: 150 } },
      ratio("stream+4 draws/Math.random", fresh, found(all, other))
    ]
  }
}

export const streams: Row = {
  title: "Streams",
  keys: ["stream+4 draws", "stream+4 draws/Math.random"],
  run: derive
}

const guard = async ({ rounds }: Request): Promise<Outcome> => {
  const atWork: Ambient.AtWork = {
    setting: "refuse",
    stage: () => "bench",
    drawing: () => undefined,
    derived: () => new Xoshiro128()
  }
  const values = new Float64Array(BATCH)
  const stage = (): void => {
    for (let at = 0; at < BATCH; at++) values[at] = (values[at] ?? 0) * 0.5 + at
  }
  const calls = 20_000
  const random = (): number => {
    let sum = 0
    for (let at = 0; at < 1_000_000; at++) sum += Math.random()
    return sum > 0 ? 1_000_000 : 0
  }
  const all = await interleaved(
    [
      {
        name: "without",
        run: () => {
          for (let call = 0; call < calls; call++) stage()
          return calls * BATCH
        }
      },
      {
        name: "with",
        run: () => {
          for (let call = 0; call < calls; call++) Ambient.plain(atWork, stage)
          return calls * BATCH
        }
      },
      { name: "no run open", run: random },
      {
        name: "a run open",
        run: () => Effect.runSync(Effect.scoped(Effect.andThen(Ambient.installed("refuse"), Effect.sync(random))))
      }
    ],
    { rounds }
  )
  const value = found(all, "with").median - found(all, "without").median
  const outside = found(all, "a run open").median - found(all, "no run open").median
  return {
    charts: [],
    figures: [
      { key: "ambient", value, unit: "ns/sample", note: "the guard over a stage that does not use Math.random" },
      { key: "ambient outside", value: outside, unit: "ns/call", note: "Math.random outside of stages, a run open" }
    ]
  }
}

export const ambient: Row = { title: "Ambient randomness", keys: ["ambient", "ambient outside"], run: guard }
