import { describe, expect, test } from "bun:test"
import { Deferred, Effect, Exit, Fiber } from "effect"
import * as fc from "fast-check"
import type { Content, Failure, Maker, Quick } from "../../../src/scheduler/backends/Backend.ts"
import { elsewhere } from "../../../src/scheduler/backends/RequestPipeline.ts"
import { Credits } from "../../../src/scheduler/loader/Queue.ts"
import type { Assignments } from "../../../src/scheduler/plan/Assignments.ts"

/** How a batch is asked for, and whether it can be had, without an effect. */
type Kind = "plain" | "effect to ask" | "effect to take"

const batchOf = (index: number): Content => ({
  batch: { epoch: 0, index, rank: 0, worker: 0, size: 1, indices: new Float64Array(1), columns: {} },
  hash: undefined
})

/** Makes batches when it is told to, in the order in which they were asked for. */
class Machine {
  readonly asked: Array<number> = []
  /** Whether somebody waits for the next answer. */
  waits = false
  readonly #due: Array<{ readonly number: number; readonly settle: () => void; readonly arrived: () => void }> = []
  #ready = 0

  readonly maker: Extract<Maker, { readonly _tag: "There" }>

  constructor(kinds: ReadonlyArray<Kind>) {
    this.maker = {
      _tag: "There",
      ask: (_, number) =>
        Effect.gen(this, function* () {
          yield* Effect.yieldNow()
          return this.#question(number, () => {}).content
        }),
      askNow: (_, number, arrived) => {
        if (kinds[number] === "effect to ask") return undefined
        const question = this.#question(number, arrived)
        return {
          get isDue() {
            return question.isDue
          },
          take: () => (kinds[number] === "effect to take" ? undefined : batchOf(number)),
          content: question.content
        }
      },
      look: (wait) => {
        if (!this.#settle() && this.#due.length > 0) this.waits ||= wait
      }
    }
  }

  #question(number: number, arrived: () => void): Quick {
    const done = Effect.runSync(Deferred.make<void>())
    let isDue = true
    const settle = () => {
      isDue = false
      Effect.runSync(Deferred.succeed(done, undefined))
    }
    this.asked.push(number)
    this.#due.push({ number, settle, arrived })
    return {
      get isDue() {
        return isDue
      },
      take: () => undefined,
      content: Effect.suspend(() => {
        this.waits = true
        this.#settle()
        return Effect.as(Deferred.await(done), batchOf(number))
      })
    }
  }

  /** The next batch is made; nobody is told who does not wait. */
  make(): void {
    this.#ready++
    if (this.waits) this.#settle()
  }

  #settle(): boolean {
    let some = false
    while (this.#ready > 0 && this.#due.length > 0) {
      this.#ready--
      this.waits = false
      some = true
      const first = this.#due.shift()
      first?.settle()
      first?.arrived()
    }
    return some
  }
}

const assignments = (count: number): Assignments => {
  let batch = 0
  return {
    get next() {
      return batch < count ? { epoch: 0, batch, sequence: batch } : undefined
    },
    pass: () => {
      batch++
    }
  }
}

/** Lets all fibers come to rest. */
const rest = () => Effect.runPromise(Effect.sleep(0))

const open = (kinds: ReadonlyArray<Kind>, ahead: number, eager = false, skipped: ReadonlyArray<number> = []) => {
  const machine = new Machine(kinds)
  const credits = new Credits(ahead)
  const made: Array<number> = []
  const errand = elsewhere({
    maker: machine.maker,
    assignments: assignments(kinds.length),
    credits,
    eager,
    plain: true,
    traced: (_, content) => content,
    skipped: () => Effect.never,
    made: ({ batch }, exit: Exit.Exit<Content, Failure>) => {
      expect(Exit.isSuccess(exit) && exit.value.batch?.index).toBe(batch)
      made.push(batch)
      return !skipped.includes(batch)
    }
  })
  // It requires nothing: neither does the machine.
  const fiber = Effect.runFork(errand.work as Effect.Effect<void>)
  return { machine, credits, made, errand, fiber }
}

describe("a worker whose batches are made elsewhere", () => {
  test("asks as far ahead as it may, by whoever gives credits", async () => {
    const { errand, fiber, credits, machine, made } = open(Array<Kind>(5).fill("plain"), 2)
    await rest()
    expect(machine.asked).toEqual([0, 1])
    credits.give()
    expect(machine.asked).toEqual([0, 1, 2])
    machine.make()
    expect(made).toEqual([])
    errand.look(false)
    expect(made).toEqual([0])
    await Effect.runPromise(Fiber.interrupt(fiber))
    credits.give()
    expect(machine.asked).toEqual([0, 1, 2])
  })

  test("has nobody woken for what nobody waits for", async () => {
    const { errand, fiber, machine, made } = open(Array<Kind>(3).fill("plain"), 3)
    await rest()
    expect(machine.waits).toBe(false)
    errand.look(true)
    expect(machine.waits).toBe(true)
    machine.make()
    expect(made).toEqual([0])
    expect(machine.waits).toBe(false)
    await Effect.runPromise(Fiber.interrupt(fiber))
  })

  test("goes on waiting for who waits, past batches that the consumer has skipped", async () => {
    for (const kind of ["plain", "effect to take"] as const) {
      const { errand, fiber, machine, made } = open(Array<Kind>(4).fill(kind), 4, false, [0, 1])
      await rest()
      errand.look(true)
      for (let number = 0; number < 3; number++) {
        expect(machine.waits).toBe(true)
        machine.make()
        await rest()
        expect(made).toHaveLength(number + 1)
      }
      // An effect is waited for as soon as it is the next one.
      expect(machine.waits).toBe(kind !== "plain")
      await Effect.runPromise(Fiber.interrupt(fiber))
    }
  })

  test("waits at all times where it is to know when they were there", async () => {
    const { fiber, machine, made } = open(Array<Kind>(3).fill("plain"), 3, true)
    await rest()
    for (let number = 0; number < 3; number++) {
      expect(machine.waits).toBe(true)
      machine.make()
      expect(made).toHaveLength(number + 1)
    }
    expect(await Effect.runPromise(Fiber.join(fiber))).toBeUndefined()
  })

  test("hears of a wait that began before there was anything to wait for", async () => {
    const { errand, fiber, credits, machine, made } = open(Array<Kind>(1).fill("plain"), 0)
    await rest()
    errand.look(true)
    credits.give()
    expect(machine.waits).toBe(true)
    machine.make()
    expect(made).toEqual([0])
    await Effect.runPromise(Fiber.join(fiber))
  })

  test("hands on each batch once and in order, whatever takes an effect, ends then", async () => {
    const kind = fc.constantFrom<Kind>("plain", "effect to ask", "effect to take")
    await fc.assert(
      fc.asyncProperty(
        fc.array(kind, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        async (kinds, ahead, eager) => {
          const { errand, fiber, credits, machine, made } = open(kinds, ahead, eager)
          for (let number = 0; number < kinds.length; number++) {
            errand.look(true)
            machine.make()
            await rest()
            expect(made).toHaveLength(number + 1)
            credits.give()
          }
          expect(made).toEqual(kinds.map((_, number) => number))
          expect(machine.asked).toEqual(made)
          await Effect.runPromise(Fiber.join(fiber))
        }
      ),
      { numRuns: 60 }
    )
  }, 60_000)
})
