import { describe, expect, test } from "bun:test"
import { Effect, Exit, Fiber } from "effect"
import * as fc from "fast-check"
import type { BuiltBatch, Failure, OpenBackend, RequestedBatch } from "../../../src/scheduler/backends/Backend.ts"
import { checking } from "../../../src/scheduler/backends/CheckedBackend.ts"
import { Credits } from "../../../src/scheduler/loader/Queue.ts"
import * as RequestPipeline from "../../../src/scheduler/loader/RequestPipeline.ts"
import type { Assignments } from "../../../src/scheduler/plan/Assignments.ts"

/** Whether a batch can be had without an effect, or is built by the effect that gives it. */
type Kind = "plain" | "effect to take" | "lazy" | "lazy and plain" | "lazy, begun by plain code"

const batchOf = (index: number): BuiltBatch => ({
  batch: { epoch: 0, index, rank: 0, worker: 0, size: 1, indices: new Float64Array(1), columns: {} },
  hash: undefined
})

/** A backend that builds batches when it is told to, in the order of their requests. */
class Machine implements OpenBackend {
  readonly requested: Array<number> = []
  /** Lazy ones that were built, and those whose building plain code has begun. */
  readonly built: Array<number> = []
  readonly begun: Array<number> = []
  /** Whether somebody waits for the next answer. */
  waits = false
  readonly #due: Array<() => void> = []
  readonly #kinds: ReadonlyArray<Kind>
  #ready = 0

  constructor(kinds: ReadonlyArray<Kind>) {
    this.#kinds = kinds
  }

  request({ batch }: { readonly batch: number }, arrived: () => void): RequestedBatch {
    const kind = this.#kinds[batch]
    this.requested.push(batch)
    let isPending = kind === "plain" || kind === "effect to take"
    if (isPending) {
      this.#due.push(() => {
        isPending = false
        arrived()
      })
    }
    return {
      isLazy: !isPending,
      ...(kind === "lazy and plain" || kind === "lazy, begun by plain code"
        ? {
            build: () => {
              this.begun.push(batch)
              if (kind !== "lazy and plain") return undefined
              this.built.push(batch)
              return batchOf(batch)
            }
          }
        : {}),
      isPending: () => isPending,
      want: () => {
        this.waits = true
        this.poll()
      },
      take: () => (kind === "plain" ? batchOf(batch) : undefined),
      content: Effect.sync(() => {
        if (kind?.startsWith("lazy") === true) this.built.push(batch)
        return batchOf(batch)
      })
    }
  }

  /** The next batch is built; nobody is told who does not wait. */
  make(): void {
    this.#ready++
    if (this.waits) this.poll()
  }

  poll(): void {
    while (this.#ready > 0 && this.#due.length > 0) {
      this.#ready--
      this.waits = false
      this.#due.shift()?.()
    }
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

const open = (
  kinds: ReadonlyArray<Kind>,
  ahead: number,
  eager = false,
  skipped: ReadonlyArray<number> = [],
  isAsking = () => false
) => {
  const machine = new Machine(kinds)
  const credits = new Credits(ahead)
  const made: Array<number> = []
  const dropped: Array<number> = []
  const pipeline = RequestPipeline.make({
    backend: checking("machine", machine, { digest: false }),
    worker: 0,
    assignments: assignments(kinds.length),
    credits,
    eager,
    begun: () => undefined,
    traced: undefined,
    isSkipped: (sequence) => skipped.includes(sequence),
    skipped: () => Effect.never,
    built: ({ batch }, exit: Exit.Exit<BuiltBatch, Failure>) => {
      expect(Exit.isSuccess(exit) && exit.value.batch?.index).toBe(batch)
      made.push(batch)
      return !skipped.includes(batch)
    },
    dropped: ({ batch }) => {
      dropped.push(batch)
      credits.give()
    },
    between: Effect.yieldNow(),
    idle: (resume) => setTimeout(resume),
    isAsking
  })
  // It requires nothing: neither does the machine.
  const fiber = Effect.runFork(pipeline.work as Effect.Effect<void>)
  return { machine, credits, made, dropped, pipeline, fiber }
}

describe("the batches of a worker", () => {
  test("are requested as far ahead as there are credits, by whoever gives them", async () => {
    const { pipeline, fiber, credits, machine, made } = open(Array<Kind>(5).fill("plain"), 2)
    await rest()
    expect(machine.requested).toEqual([0, 1])
    credits.give()
    expect(machine.requested).toEqual([0, 1, 2])
    machine.make()
    expect(made).toEqual([])
    pipeline.want(false)
    expect(made).toEqual([0])
    await Effect.runPromise(Fiber.interrupt(fiber))
    credits.give()
    expect(machine.requested).toEqual([0, 1, 2])
  })

  test("are not built ahead while the consumer asks for one, and would wait for that", async () => {
    let isAsking = true
    const kinds: ReadonlyArray<Kind> = ["lazy and plain", "lazy", "lazy and plain", "lazy"]
    const { pipeline, fiber, machine } = open(kinds, 4, false, [], () => isAsking)
    for (let turn = 0; turn < 5; turn++) await rest()
    expect(machine.built).toEqual([])
    // What it waits for is built at once.
    pipeline.want(true)
    expect(machine.built).toEqual([0])
    for (let turn = 0; turn < 5; turn++) await rest()
    expect(machine.built).toEqual([0])
    isAsking = false
    await Effect.runPromise(Fiber.join(fiber))
    expect(machine.built).toEqual([0, 1, 2, 3])
  })

  test("wake nobody who does not wait", async () => {
    const { pipeline, fiber, machine, made } = open(Array<Kind>(3).fill("plain"), 3)
    await rest()
    expect(machine.waits).toBe(false)
    pipeline.want(true)
    expect(machine.waits).toBe(true)
    machine.make()
    expect(made).toEqual([0])
    expect(machine.waits).toBe(false)
    await Effect.runPromise(Fiber.interrupt(fiber))
  })

  test("are waited for past those that the consumer has skipped", async () => {
    for (const kind of ["plain", "effect to take"] as const) {
      const { pipeline, fiber, machine, made } = open(Array<Kind>(4).fill(kind), 4, false, [0, 1])
      await rest()
      pipeline.want(true)
      for (let number = 0; number < 3; number++) {
        expect(machine.waits).toBe(true)
        machine.make()
        await rest()
        expect(made).toHaveLength(number + 1)
      }
      expect(machine.waits).toBe(false)
      await Effect.runPromise(Fiber.interrupt(fiber))
    }
  })

  test("are waited for at all times by an eager one", async () => {
    const { fiber, machine, made } = open(Array<Kind>(3).fill("plain"), 3, true)
    await rest()
    for (let number = 0; number < 3; number++) {
      expect(machine.waits).toBe(true)
      machine.make()
      expect(made).toHaveLength(number + 1)
    }
    expect(await Effect.runPromise(Fiber.join(fiber))).toBeUndefined()
  })

  test("are waited for if the wait began before there was anything to wait for", async () => {
    const { pipeline, fiber, credits, machine, made } = open(Array<Kind>(1).fill("plain"), 0)
    await rest()
    pipeline.want(true)
    credits.give()
    expect(machine.waits).toBe(true)
    machine.make()
    expect(made).toEqual([0])
    await Effect.runPromise(Fiber.join(fiber))
  })

  test("are dropped unbuilt if they are lazy and were skipped, and their credits used again", async () => {
    const { dropped, fiber, machine, made } = open(Array<Kind>(6).fill("lazy"), 2, false, [1, 2, 3])
    await rest()
    expect(made).toEqual([0, 4])
    expect(dropped).toEqual([1, 2, 3])
    expect(machine.built).toEqual([0, 4])
    await Effect.runPromise(Fiber.interrupt(fiber))
  })

  test("are built by whoever waits for them, where that takes no effect, and one at a time", async () => {
    const { pipeline, fiber, credits, machine, made } = open(Array<Kind>(9).fill("lazy and plain"), 3)
    await rest()
    // The fiber builds ahead as far as there are credits.
    expect(made).toEqual([0, 1, 2])
    expect(machine.begun).toEqual([])
    credits.give()
    credits.give()
    // Whoever gives credits builds nothing; whoever waits builds one, and nobody else has had a turn.
    expect(made).toHaveLength(3)
    pipeline.want(true)
    expect(machine.begun).toEqual([3])
    expect(made).toEqual([0, 1, 2, 3])
    await rest()
    await rest()
    expect(made).toEqual([0, 1, 2, 3, 4])
    expect(machine.begun).toEqual([3])
    await Effect.runPromise(Fiber.interrupt(fiber))
  })

  test("are handed on once, though the answer to a batch that the fiber waits for can be taken meanwhile", async () => {
    const made: Array<number> = []
    let resume: (() => void) | undefined
    const content = Effect.async<BuiltBatch>((done) => {
      resume = () => done(Effect.succeed(batchOf(0)))
    })
    const own: OpenBackend = {
      request: ({ batch }) => ({
        isLazy: false,
        isPending: () => false,
        want: () => undefined,
        take: () => (batch > 0 || resume !== undefined ? batchOf(batch) : undefined),
        content
      }),
      poll: () => undefined
    }
    const pipeline = RequestPipeline.make({
      backend: checking("two", own, { digest: false }),
      worker: 0,
      assignments: assignments(2),
      credits: new Credits(2),
      eager: false,
      begun: () => undefined,
      traced: undefined,
      isSkipped: () => false,
      skipped: () => Effect.never,
      built: ({ batch }) => made.push(batch) > 0,
      dropped: () => undefined,
      between: Effect.yieldNow(),
      idle: (resume) => setTimeout(resume),
      isAsking: () => false
    })
    const fiber = Effect.runFork(pipeline.work as Effect.Effect<void>) // it requires nothing
    await rest()
    pipeline.want(true)
    expect(made).toEqual([])
    resume?.()
    await rest()
    expect(made).toEqual([0, 1])
    await Effect.runPromise(Fiber.join(fiber))
  })

  test("are handed on once and in order, whatever takes an effect", async () => {
    const kind = fc.constantFrom<Kind>("plain", "effect to take", "lazy", "lazy and plain", "lazy, begun by plain code")
    await fc.assert(
      fc.asyncProperty(
        fc.array(kind, { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        async (kinds, ahead, eager) => {
          const { pipeline, fiber, credits, machine, made } = open(kinds, ahead, eager)
          for (let number = 0; number < kinds.length; number++) {
            pipeline.want(true)
            if (kinds[number]?.startsWith("lazy") !== true) machine.make()
            await rest()
            expect(made.length).toBeGreaterThan(number)
            credits.give()
          }
          expect(made).toEqual(kinds.map((_, number) => number))
          expect(machine.requested).toEqual(made)
          // Each lazy one is built once, whoever builds it.
          const lazy = made.filter((number) => kinds[number]?.startsWith("lazy"))
          expect(machine.built).toEqual(lazy)
          expect(new Set(machine.begun).size).toBe(machine.begun.length)
          await Effect.runPromise(Fiber.join(fiber))
        }
      ),
      { numRuns: 60 }
    )
  }, 60_000)
})
