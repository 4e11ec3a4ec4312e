/**
 * A small world of its own for one program: its fibers take turns in an order that a seed draws, its time is Effect's
 * `TestClock` and moves on only when nobody has anything left to do. All of it runs in one go, so that a seed is all
 * there is to a run, and a program that waits for ever is seen at once.
 */
import {
  Effect,
  type Exit,
  type Fiber,
  Layer,
  Logger,
  LogLevel,
  type Scheduler,
  Supervisor,
  TestClock,
  TestContext
} from "effect"

/** Numbers of a seed, for what is simulated: which turn is next, not what is delivered. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** From 0 to `below - 1`. */
  roll(below: number): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    let word = this.#state
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b)
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35)
    return ((word ^ (word >>> 16)) >>> 0) % below
  }
}

/** Nobody has anything to do, no time to wait for is left, and the program is not at its end. */
export class Stuck extends Error {
  override readonly name = "Stuck"
}

/** Fibers of the program were left behind. */
export class LeftBehind extends Error {
  override readonly name = "LeftBehind"
}

/** Milliseconds; no simulated program needs more. */
const MOST_TIME = 3_600_000

/** More turns than any simulated program needs. */
const MOST_TURNS = 20_000

class Turns implements Scheduler.Scheduler {
  readonly #dice: Dice
  readonly #limit: number
  readonly #tasks: Array<Scheduler.Task> = []

  constructor(dice: Dice) {
    this.#dice = dice
    // Fibers give way after so many steps: from almost each one on to as Effect has it.
    this.#limit = [16, 40, 200, 2048][dice.roll(4)] ?? 2048
  }

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    return "currentOpCount" in fiber && Number(fiber.currentOpCount) > this.#limit ? 0 : false
  }

  scheduleTask(task: Scheduler.Task): void {
    this.#tasks.push(task)
  }

  /** Gives turns until nobody wants one. */
  take(): void {
    for (let turn = 0; this.#tasks.length > 0; turn++) {
      if (turn > MOST_TURNS) throw new Stuck("it goes round and round")
      const [task] = this.#tasks.splice(this.#dice.roll(this.#tasks.length), 1)
      task?.()
    }
  }
}

/** What the program can ask of its world. */
export interface Doing {
  /** To be called wherever something happens; calls the program off at the event that it was to be called off at. */
  readonly event: () => void
}

/** How a program went. */
export interface Ended<A, E> {
  readonly exit: Exit.Exit<A, E>
  readonly events: number
  /** Milliseconds of the simulated clock. */
  readonly time: number
}

/**
 * Runs a program to its end; `calledOffAt` is the event at which it is interrupted. Throws `Stuck` when it waits for
 * what never comes, `LeftBehind` when fibers outlive it.
 */
export const run = <A, E>(
  seed: number,
  calledOffAt: number,
  program: (doing: Doing) => Effect.Effect<A, E>,
  calledOff: () => void = () => undefined
): Ended<A, E> => {
  const turns = new Turns(new Dice(seed))
  const supervisor = Effect.runSync(Supervisor.track)
  const clock = Effect.runSync(Effect.provide(TestClock.testClock(), Layer.orDie(TestContext.TestContext)))
  // It would wait on the real clock until all fibers rest, and warn; here they do rest whenever it is asked to move.
  Object.assign(clock, {
    awaitSuspended: () => Effect.void,
    warningStart: () => Effect.void,
    warningDone: () => Effect.void
  })

  const { now } = performance
  let time = 0
  let events = 0
  let fiber: Fiber.RuntimeFiber<A, E> | undefined
  const doing: Doing = {
    event: () => {
      events++
      if (events !== calledOffAt) return
      calledOff()
      fiber?.unsafeInterruptAsFork(fiber.id())
    }
  }
  performance.now = () => 0
  try {
    const own = Effect.runFork(
      Effect.suspend(() => program(doing)).pipe(
        Effect.withClock(clock),
        Logger.withMinimumLogLevel(LogLevel.None),
        Effect.supervised(supervisor)
      ),
      { scheduler: turns }
    )
    fiber = own
    const sleeping = () => Array.from(Effect.runSync(clock.sleeps))
    for (;;) {
      turns.take()
      const exit = own.unsafePoll()
      const sleeps = sleeping()
      if (exit !== null) {
        const left = Effect.runSync(supervisor.value).filter((other) => other.unsafePoll() === null && other !== own)
        if (left.length > 0) throw new LeftBehind(`${left.length} fibers are left`)
        return { exit, events, time }
      }
      // Heartbeats go on for ever.
      if (sleeps.length === 0 || time > MOST_TIME) throw new Stuck(`nothing happens any more, after ${events} events`)
      time = Math.min(...sleeps)
      doing.event()
      Effect.runFork(clock.setTime(time), { scheduler: turns })
    }
  } finally {
    performance.now = now
  }
}
