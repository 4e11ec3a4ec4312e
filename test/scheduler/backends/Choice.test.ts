import { describe, expect, test } from "bun:test"
import { Judge, lossBetween, type Reading } from "../../../src/scheduler/backends/Choice.ts"

const PAYS = { share: 0.05, rest: 1000 }

/** A consumer that waits `waited` ms for each batch, of which `built` ms are work on its thread, and then steps. */
const steps = (judge: Judge, { built = 0, step, waited }: { built?: number; step: number; waited: number }) => {
  let now: Reading = { at: 0, batches: 0, waited: 0, built: 0 }
  return {
    /** Takes batches until something is said, and returns what and when; or nothing, after `count` batches. */
    until: (count: number) => {
      for (let taken = 0; taken < count; taken++) {
        const { at, batches } = now
        const ahead = Math.max(waited, built)
        now = { at: at + ahead + step, batches: batches + 1, waited: now.waited + waited, built: now.built + built }
        const verdict = judge.look(now)
        if (verdict !== undefined) return { verdict, at: now.at }
      }
      return undefined
    },
    takes: (own: { readonly step: number; readonly waited: number }) => {
      step = own.step
      waited = own.waited
      built = 0
    }
  }
}

test("the loss is what the consumer waited, or what its thread built, whichever is more", () => {
  const from = { at: 1000, batches: 10, waited: 50, built: 100 }
  expect(lossBetween(from, { at: 1200, batches: 20, waited: 90, built: 120 })).toEqual({ share: 0.2, each: 4 })
  expect(lossBetween(from, { at: 1200, batches: 20, waited: 60, built: 160 })).toEqual({ share: 0.3, each: 6 })
  // What was taken had been built before: what it took then is still to come.
  expect(lossBetween(from, { at: 1200, batches: 20, waited: 51, built: 100, each: 5 })).toEqual({
    share: 0.25,
    each: 5,
    isAhead: true
  })
  expect(lossBetween(from, { at: 1200, batches: 20, waited: 51, built: 110, each: 5 })).toEqual({
    share: 0.05,
    each: 1
  })
  // Builds that are measured now and then can add up to more than there was.
  expect(lossBetween(from, { at: 1200, batches: 20, waited: 50, built: 400 })).toEqual({ share: 1, each: 30 })
})

describe("a run moves to threads", () => {
  test.each([
    ["it waits", { waited: 4, built: 0, step: 6 }],
    ["its thread builds where it could go on", { waited: 0, built: 4, step: 6 }],
    ["its steps are long", { waited: 100, built: 0, step: 200 }],
    ["it does nothing else", { waited: 2, built: 2, step: 0 }]
  ])("within its first second, if %s", (_, consumer) => {
    const judge = new Judge(PAYS, 10_000)
    const said = steps(judge, consumer).until(1000)
    expect(said?.verdict).toBe("move")
    expect(said?.at).toBeLessThan(1000)
    expect(judge.onFibers.each).toBeCloseTo(Math.max(consumer.waited, consumer.built), 9)
  })

  test("only once, and not while it starts them", () => {
    const consumer = steps(new Judge(PAYS, 10_000), { waited: 4, step: 6 })
    expect(consumer.until(1000)?.verdict).toBe("move")
    expect(consumer.until(1000)).toBeUndefined()
  })

  test.each([
    ["its consumer waits for 5 % of the time or less", { waited: 0.5, step: 9.5 }, 1e9],
    ["its consumer never waits", { waited: 0, step: 10 }, 1e9],
    ["less than a second of waiting is left", { waited: 4, step: 6 }, 250]
  ])("not if %s", (_, consumer, batches) => {
    expect(steps(new Judge(PAYS, batches), consumer).until(Math.min(batches, 2000))).toBeUndefined()
  })

  test("if its consumer begins to wait late", () => {
    const consumer = steps(new Judge(PAYS, 1e6), { waited: 0, step: 10 })
    expect(consumer.until(1000)).toBeUndefined()
    consumer.takes({ waited: 4, step: 6 })
    expect(consumer.until(100)?.verdict).toBe("move")
  })

  test("whatever its first batch cost", () => {
    const judge = new Judge(PAYS, 1e6)
    // Half a second for a batch that no compiler has seen, and next to nothing after it.
    expect(judge.look({ at: 500, batches: 1, waited: 500, built: 500 })).toBeUndefined()
    for (let batches = 2; batches < 1000; batches++) {
      const now = { at: 500 + 10 * batches, batches, waited: 500 + 0.1 * batches, built: 500 }
      expect(judge.look(now)).toBeUndefined()
    }
  })
})

describe("a run on threads", () => {
  const onThreads = (step: number, waited: number) => {
    const judge = new Judge(PAYS, 1e6)
    const consumer = steps(judge, { waited: 4, step: 6 })
    consumer.until(1000)
    judge.moved()
    consumer.takes({ step, waited })
    return { judge, consumer }
  }

  test.each([0, 3.9])("stays there if its consumer waits less than on fibers: %d ms a batch", (waited) => {
    const { consumer, judge } = onThreads(6, waited)
    expect(consumer.until(2000)).toBeUndefined()
    expect(judge.isSettled).toBe(true)
    expect(judge.onThreads.each).toBeCloseTo(waited, 9)
  })

  test("goes back, for good, if its consumer waits no less", () => {
    const { consumer, judge } = onThreads(6, 4)
    expect(consumer.until(2000)?.verdict).toBe("back")
    expect(judge.isSettled).toBe(true)
    expect(consumer.until(2000)).toBeUndefined()
  })

  test("is given a second to warm up", () => {
    const { consumer, judge } = onThreads(6, 50)
    expect(consumer.until(20)).toBeUndefined()
    consumer.takes({ step: 6, waited: 0.1 })
    expect(consumer.until(2000)).toBeUndefined()
    expect(judge.isSettled).toBe(true)
  })
})
