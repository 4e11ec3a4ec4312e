/**
 * A worker whose batches are made elsewhere: asks for them as far ahead as it may, and hands them on in that order.
 *
 * Most of them are asked for and handed on by plain code, by whoever gives a credit or brings the answer: a fiber that is
 * woken for each costs the main thread more than all else that it does for a batch. Fibers see to what takes an effect.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Bell, type Credits } from "../loader/Queue.ts"
import type { Assignment, Assignments } from "../plan/Assignments.ts"
import type { Asked, Content, Failure, Maker, Quick } from "./Backend.ts"

/** What a worker is to do. @since 0.1.0 */
export interface Errand {
  readonly maker: Extract<Maker, { readonly _tag: "There" }>
  readonly assignments: Assignments
  readonly credits: Credits
  /** Whether plain code will do: not where each batch is to be an effect, as for a tracer. */
  readonly plain: boolean
  /** Whether to wait for batches that nobody waits for, so as to know when they were there. */
  readonly eager: boolean
  /** Is told of a batch before it is asked for, maybe more than once. */
  readonly asked?: (assignment: Assignment) => void
  /** The effect of a batch, as it is to be run. */
  readonly traced: (assignment: Assignment, content: Asked) => Asked
  /** Waits until the consumer has skipped a batch; it never does where the run ends first. */
  readonly skipped: (sequence: number) => Effect.Effect<void>
  /** Takes a batch, and when it was asked for; says whether the consumer gets it, or has skipped it. */
  readonly made: (assignment: Assignment, exit: Exit.Exit<Content, Failure>, since: number) => boolean
}

/** A worker at its errand. @since 0.1.0 */
export interface Elsewhere {
  /** Has all assignments built. After a failure it goes on once the consumer has skipped the batch that failed. */
  readonly work: Effect.Effect<void, never, unknown>
  /** Hands on what is there. Where `wait` says so and nothing is, the next batch is handed on as soon as it is there. */
  readonly look: (wait: boolean) => void
}

interface Due {
  readonly assignment: Assignment
  readonly since: number
  readonly quick: Quick | undefined
  readonly content: () => Asked
}

/** @since 0.1.0 */
export const elsewhere = ({
  asked,
  eager,
  credits,
  made,
  maker,
  plain,
  assignments,
  skipped,
  traced
}: Errand): Elsewhere => {
  const due: Array<Due> = []
  const arrivals = new Bell()
  const arrived = (): void => arrivals.ring()
  let wanted = eager
  /** A batch has failed: no more are asked for until the consumer has skipped it. */
  let failed = false
  /** Nothing more will be asked for. */
  let ended = false

  const put = (assignment: Assignment, quick: Quick | undefined, content: () => Asked): void => {
    due.push({ assignment, since: eager ? performance.now() : 0, quick, content })
    // It may have been answered while it was asked for, and somebody may be waiting for it.
    arrivals.ring()
  }

  /** Asks for all that there are credits for, up to what takes an effect; says whether that, or the end, is reached. */
  const ask = (): boolean => {
    while (assignments.next !== undefined) {
      if (credits.left === 0 || failed) return false
      const assignment = assignments.next
      asked?.(assignment)
      const quick = plain ? maker.askNow?.(assignment.epoch, assignment.batch, arrived) : undefined
      if (quick === undefined) return true
      credits.use()
      assignments.pass()
      put(assignment, quick, () => quick.content)
    }
    return true
  }

  /** Says whether the consumer gets it. Who waits for a batch has not been served by one that was skipped. */
  const handOnto = (assignment: Assignment, exit: Exit.Exit<Content, Failure>, since: number): boolean => {
    due.shift()
    const before = wanted
    wanted = eager
    const served = made(assignment, exit, since)
    if (!served) wanted ||= before
    return served
  }

  /** Hands on all that is there, up to what takes an effect; says whether that, or the end, is reached. */
  const handOn = (): boolean => {
    let looked = false
    for (;;) {
      const [first] = due
      if (first === undefined) return ended
      const { assignment, quick, since } = first
      if (quick?.isDue === true) {
        if (looked || !wanted) return false
        // What it finds is told by a ring, which this very loop may be the answer to: so it is gone through again.
        looked = true
        maker.look?.(true)
        continue
      }
      const content = quick?.take()
      if (content === undefined) return true
      if (!handOnto(assignment, Exit.succeed(content), since)) looked = false
    }
  }

  const asking = Effect.gen(function* () {
    for (;;) {
      yield* credits.given.until(ask)
      // The consumer may have skipped some since.
      const assignment = assignments.next
      if (assignment === undefined) break
      credits.use()
      assignments.pass()
      const answer = yield* Effect.exit(maker.ask(assignment.epoch, assignment.batch))
      failed ||= Exit.isFailure(answer)
      put(assignment, undefined, () => Effect.flatten(answer))
    }
    ended = true
    arrivals.ring()
  })

  const work = Effect.gen(function* () {
    // It ends with this fiber.
    yield* Effect.fork(asking)
    for (;;) {
      yield* arrivals.until(handOn)
      const [first] = due
      if (first === undefined) return
      const { assignment, content, since } = first
      const exit = yield* Effect.exit(traced(assignment, content()))
      if (Exit.isSuccess(exit)) {
        handOnto(assignment, exit, since)
        continue
      }
      failed = true
      handOnto(assignment, exit, since)
      yield* skipped(assignment.sequence)
      failed = false
      credits.given.ring()
    }
  })

  return {
    work,
    look: (wait) => {
      wanted ||= wait
      maker.look?.(wait)
    }
  }
}
