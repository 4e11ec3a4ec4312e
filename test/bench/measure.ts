/**
 * Interleaved timing: the contestants take turns, A B C A B C …, so that a machine that slows down slows all of them;
 * what is quoted is the median, and ratios are of medians. (Benchmark libraries run one contestant after the other,
 * which on a shared machine measures the hour as much as the code.)
 */

/** One contestant: does its work once, and says how many units (samples, streams …) that was. */
export interface Contestant {
  readonly name: string
  readonly run: () => number | Promise<number>
  /** What it needs before its first turn and is not timed: threads, processes, compiled code. */
  readonly open?: () => Promise<void>
  readonly close?: () => Promise<void>
  /** What comes before each turn and is not timed. */
  readonly before?: () => Promise<void>
  /** Rounds that do not count, where it needs fewer than the others: code that no compiler warms up to. */
  readonly warmup?: number
}

/** A contestant that cannot take part, and why. */
export interface Absent {
  readonly name: string
  readonly absent: string
}

/** What a contestant took. */
export interface Measured {
  readonly name: string
  /** Nanoseconds a unit: the median over the rounds. */
  readonly median: number
  readonly fastest: number
  readonly slowest: number
}

/** The value in the middle, or the mean of the two there; NaN of nothing. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

export const measured = (name: string, all: ReadonlyArray<number>): Measured => ({
  name,
  median: median(all),
  fastest: all.length === 0 ? Number.NaN : Math.min(...all),
  slowest: all.length === 0 ? Number.NaN : Math.max(...all)
})

/** How contestants are measured. */
export interface Options {
  readonly rounds?: number
  /** Rounds that do not count, but where a contestant has its own. */
  readonly warmup?: number
  /**
   * For how many milliseconds at least those rounds go on, but where a contestant has its own: a compiler is at a loop of
   * JavaScript for seconds, and trainings last for hours.
   */
  readonly warmFor?: number
}

/** Runs all contestants in turn, once each is warm. Closes all, come what may. */
export const interleaved = async (
  contestants: ReadonlyArray<Contestant>,
  { rounds = 7, warmFor = 0, warmup = 3 }: Options = {}
): Promise<ReadonlyMap<string, Measured>> => {
  const times = new Map<string, Array<number>>(contestants.map(({ name }) => [name, []]))
  const turn = async ({ before, run }: Contestant): Promise<number> => {
    await before?.()
    const started = performance.now()
    const units = await run()
    return ((performance.now() - started) * 1e6) / units
  }
  try {
    for (const { open } of contestants) await open?.()
    for (const contestant of contestants) {
      const began = performance.now()
      const least = contestant.warmup === undefined ? warmFor : 0
      const count = contestant.warmup ?? warmup
      for (let round = 0; round < count || performance.now() - began < least; round++) await turn(contestant)
    }
    for (let round = 0; round < rounds; round++) {
      for (const contestant of contestants) times.get(contestant.name)?.push(await turn(contestant))
    }
  } finally {
    for (const { close } of contestants) await close?.()
  }
  return new Map(Array.from(times, ([name, all]) => [name, measured(name, all)]))
}
