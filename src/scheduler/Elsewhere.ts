/**
 * A worker whose batches are made elsewhere: asks for them as far ahead as it may, and hands them on in that order.
 *
 * Most of them are asked for and handed on by plain code, by whoever gives leave or brings the answer: a fiber that is
 * woken for each costs the main thread more than all else that it does for a batch. Fibers see to what takes an effect.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Bell, type Leave } from "./Lane.ts"
import type { Asked, Content, Failure, Maker, Quick } from "./Maker.ts"

/** A batch that is to be made: its place in the run, and in its epoch. @since 0.1.0 */
export interface Share {
  readonly epoch: number
  readonly number: number
  readonly place: number
}

/** What a worker is to do. @since 0.1.0 */
export interface Errand {
  readonly maker: Extract<Maker, { readonly _tag: "There" }>
  readonly shares: Iterable<Share>
  readonly leave: Leave
  /** Whether each batch is to be an effect, as those are that somebody traces. */
  readonly traced: (share: Share, content: Asked) => Asked
  readonly plain: boolean
  /** Takes a batch, and when it was asked for. */
  readonly made: (share: Share, exit: Exit.Exit<Content, Failure>, since: number) => void
}

interface Due {
  readonly share: Share
  readonly since: number
  readonly quick: Quick | undefined
  readonly content: Asked
}

/** Has all shares made, or those up to the first failure. @since 0.1.0 */
export const elsewhere = ({ leave, made, maker, plain, shares, traced }: Errand): Effect.Effect<void, never, unknown> =>
  Effect.gen(function* () {
    const rest = shares[Symbol.iterator]()
    let next = rest.next()
    const due: Array<Due> = []
    const arrivals = new Bell()
    const arrived = (): void => arrivals.ring()

    const put = (share: Share, quick: Quick | undefined, content: Asked): void => {
      due.push({ share, since: performance.now(), quick, content })
      next = rest.next()
      // It may have been answered while it was asked for.
      arrivals.ring()
    }

    /** Asks for what there is leave for, up to what takes an effect; says whether that, or the end, is reached. */
    const ask = (): boolean => {
      while (next.done !== true) {
        if (leave.left === 0) return false
        const share = next.value
        const quick = plain ? maker.askNow?.(share.epoch, share.number, arrived) : undefined
        if (quick === undefined) return true
        leave.use()
        put(share, quick, quick.content)
      }
      return true
    }

    /** Hands on what is there, up to what takes an effect; says whether that, or the end, is reached. */
    const handOn = (): boolean => {
      for (;;) {
        const [first] = due
        if (first === undefined) return next.done === true
        const { quick } = first
        if (quick?.isDue === true) return false
        const content = quick?.take()
        if (content === undefined) return true
        due.shift()
        made(first.share, Exit.succeed(content), first.since)
      }
    }

    const asking = Effect.gen(function* () {
      for (;;) {
        yield* leave.given.until(ask)
        if (next.done === true) break
        const share = next.value
        leave.use()
        const answer = yield* Effect.exit(maker.ask(share.epoch, share.number))
        put(share, undefined, Effect.flatten(answer))
        if (Exit.isFailure(answer)) break
      }
      // Nothing more will come.
      arrivals.ring()
    })
    // It ends with this fiber.
    yield* Effect.fork(asking)
    for (;;) {
      yield* arrivals.until(handOn)
      const [first] = due
      if (first === undefined) return
      const exit = yield* Effect.exit(traced(first.share, first.content))
      due.shift()
      made(first.share, exit, first.since)
      if (Exit.isFailure(exit)) return
    }
  })
