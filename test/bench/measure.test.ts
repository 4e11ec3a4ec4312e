import { describe, expect, test } from "bun:test"
import { interleaved, measured, median } from "./measure.ts"

describe("median", () => {
  test("is the value in the middle, whatever the order", () => {
    expect(median([5, 1, 9])).toBe(5)
    expect(median([10, 9, 2])).toBe(9) // as numbers, not as text
  })

  test("is the mean of the two in the middle", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })

  test("of nothing is no number, and a list is left as it was", () => {
    expect(median([])).toBeNaN()
    const list = [3, 1, 2]
    median(list)
    expect(list).toEqual([3, 1, 2])
  })
})

test("measured keeps the extremes beside the median", () => {
  expect(measured("a", [3, 1, 8])).toEqual({ name: "a", median: 3, fastest: 1, slowest: 8 })
})

describe("interleaved", () => {
  const contestant = (name: string, log: Array<string>, warmup?: number) => ({
    name,
    run: () => {
      log.push(name)
      return 1
    },
    ...(warmup === undefined ? {} : { warmup })
  })

  test("lets all take turns", async () => {
    const log: Array<string> = []
    const all = await interleaved([contestant("a", log), contestant("b", log)], { rounds: 2, warmup: 1 })
    expect(log.join("")).toBe("ababab")
    expect(Array.from(all.keys())).toEqual(["a", "b"])
  })

  test("warms up each as long as it asks for", async () => {
    const log: Array<string> = []
    await interleaved([contestant("a", log), contestant("b", log, 0)], { rounds: 1, warmup: 2 })
    expect(log.join("")).toBe("aaab")
  })

  test("warms up for a time, but one that has rounds of its own", async () => {
    const log: Array<string> = []
    const slow = { name: "a", run: () => new Promise<number>((done) => setTimeout(() => done(log.push("a")), 2)) }
    await interleaved([slow, contestant("b", log, 0)], { rounds: 1, warmup: 1, warmFor: 10 })
    expect(log.join("")).toMatch(/^aa+ab$/)
  })

  test("opens before the first turn, prepares each turn, closes all although one fails", async () => {
    const log: Array<string> = []
    const noted = (name: string) => async () => {
      log.push(name)
    }
    const one = { name: "one", run: () => 1, open: noted("open"), before: noted("before"), close: noted("close") }
    await interleaved([one], { rounds: 2, warmup: 0 })
    expect(log).toEqual(["open", "before", "before", "close"])

    log.length = 0
    const fails = {
      name: "fails",
      run: (): number => {
        throw new Error("it broke")
      }
    }
    await expect(interleaved([one, fails], { rounds: 1, warmup: 0 })).rejects.toThrow("it broke")
    expect(log).toEqual(["open", "before", "close"])
  })
})
