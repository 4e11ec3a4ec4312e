/**
 * Work is what plain code does, wherever a step of it has to wait.
 */
import { describe, expect, test } from "bun:test"
import { Cause, Effect, Exit } from "effect"
import fc from "fast-check"
import {
  all,
  andThen,
  catchAll,
  catchError,
  ensuring,
  fromEffect,
  Later,
  settled,
  TypedFailure,
  toEffect,
  type Work,
  within
} from "../../../src/scheduler/build/Work.ts"

/** A step: adds its number, at once or after a wait; or fails, or throws. */
interface Step {
  readonly add: number
  readonly waits: boolean
  readonly ends: "well" | "fails" | "throws"
}

const step = fc.record<Step>({
  add: fc.nat(9),
  waits: fc.boolean(),
  ends: fc.oneof({ weight: 8, arbitrary: fc.constant("well" as const) }, fc.constantFrom("fails", "throws"))
})

const thrown = new Error("thrown")

/** The work of a step; `calls` counts. */
const work =
  (calls: Array<number>, { add, ends, waits }: Step) =>
  (sum: number): Work<number, string> => {
    calls.push(add)
    if (waits) {
      const after = Effect.promise(() => Promise.resolve())
      if (ends === "fails") return fromEffect(() => Effect.zipRight(after, Effect.fail(`failed at ${add}`)))
      if (ends === "throws") return fromEffect(() => Effect.zipRight(after, Effect.die(thrown)))
      return fromEffect(() => Effect.as(after, sum + add))
    }
    if (ends === "fails") throw new TypedFailure(`failed at ${add}`)
    if (ends === "throws") throw thrown
    return sum + add
  }

const chain = (calls: Array<number>, steps: ReadonlyArray<Step>) =>
  steps.reduce<() => Work<number, string>>(
    (before, own) => () => andThen(before(), work(calls, own)),
    () => 0
  )

/** What the steps come to, by a plain loop. */
const expected = (steps: ReadonlyArray<Step>) => {
  const calls: Array<number> = []
  let sum = 0
  for (const { add, ends } of steps) {
    calls.push(add)
    if (ends === "fails") return { calls, exit: Exit.fail(`failed at ${add}`) }
    if (ends === "throws") return { calls, exit: Exit.die(thrown) }
    sum += add
  }
  return { calls, exit: Exit.succeed(sum) }
}

const exitOf = <A, E>(own: () => Work<A, E>) => Effect.runPromiseExit(toEffect(own) as Effect.Effect<A, E>) // requires nothing

describe("work", () => {
  test("runs each step once, in order, up to the first that fails", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const calls: Array<number> = []
        const exit = await exitOf(chain(calls, steps))
        const plain = expected(steps)
        expect(calls).toEqual(plain.calls)
        expect(JSON.stringify(exit)).toBe(JSON.stringify(plain.exit))
      })
    )
  })

  test("is done when it returns, where no step waits", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
        const well = steps.map((own): Step => ({ ...own, ends: "well" }))
        const own = chain([], well)()
        const sum = well.reduce((all, { add }) => all + add, 0)
        if (well.some(({ waits }) => waits)) expect(Later.is(own)).toBe(true)
        else expect(own).toBe(sum)
      })
    )
  })

  test("catches typed errors alone by catchError, and goes on from there", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const exit = await exitOf(() =>
          catchError<number, string, string>(chain([], steps), (error) => `caught ${error}`)
        )
        const plain = expected(steps).exit
        const caught =
          Exit.isFailure(plain) && Cause.isFailType(plain.cause) ? `caught ${plain.cause.error}` : undefined
        if (caught === undefined) expect(JSON.stringify(exit)).toBe(JSON.stringify(plain))
        else expect(exit).toEqual(Exit.succeed(caught))
      })
    )
  })

  test("tells its end once, and whether it failed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const ends: Array<boolean> = []
        const told: Array<unknown> = []
        const failed = Exit.isFailure(expected(steps).exit)
        await exitOf(() => ensuring(chain([], steps), (own) => ends.push(own)))
        expect(ends).toEqual([failed])
        await exitOf(() =>
          settled(
            chain([], steps),
            (sum) => void told.push(sum),
            (error) => void told.push(error)
          )
        )
        const { exit } = expected(steps)
        expect(told).toEqual([Exit.isSuccess(exit) ? exit.value : Cause.squash(exit.cause)])
      })
    )
  })
})

describe("many side by side", () => {
  test("give their values in order; a failure is replaced, or ends all", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.integer({ min: 1, max: 9 }), async (steps, limit) => {
        const one = (place: number) => work([], steps[place] as Step)(0) // as many as steps
        const replaced = await exitOf(() =>
          all<number, string, never>(steps.length, limit, one, (place, { cause, failure }) => {
            expect(failure).toBe(steps[place]?.ends === "fails" ? String(cause) : undefined)
            return -1
          })
        )
        expect(replaced).toEqual(Exit.succeed(steps.map(({ add, ends }) => (ends === "well" ? add : -1))))
        const exit = await exitOf(() => all<number, string>(steps.length, limit, one))
        expect(Exit.isSuccess(exit)).toBe(steps.every(({ ends }) => ends === "well"))
      })
    )
  })

  test("fail with what `failed` throws", async () => {
    const exit = await exitOf(() =>
      all<number, string, string>(
        2,
        2,
        () => fromEffect(() => Effect.fail("one")),
        (place) => {
          throw new TypedFailure(`at ${place}`)
        }
      )
    )
    expect(exit).toEqual(Exit.fail("at 0"))
  })
})

test("what waits too long is interrupted; plain code is never late", async () => {
  let interrupted = false
  const never = fromEffect<number, never>(() =>
    Effect.onInterrupt(Effect.never, () =>
      Effect.sync(() => {
        interrupted = true
      })
    )
  )
  expect(await exitOf(() => within(never, 5, () => "late"))).toEqual(Exit.fail("late"))
  expect(interrupted).toBe(true)
  expect(within<number, never, string>(3, 0, () => "late")).toBe(3)
})

test("an effect that dies, or throws instead of giving an effect, is caught by catchAll with its cause", async () => {
  const works: ReadonlyArray<Later<number, unknown>> = [
    fromEffect(() => Effect.die(thrown)),
    fromEffect(() => {
      throw thrown
    })
  ]
  for (const own of works) {
    expect(await exitOf(() => catchAll(own, ({ cause, failure }) => [cause, failure]))).toEqual(
      Exit.succeed([thrown, undefined])
    )
  }
})
