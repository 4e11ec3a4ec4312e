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

/** Runs all contestants in turn: `warmup` rounds that do not count, then `rounds` that do. Closes all, come what may. */
export const interleaved = async (
  contestants: ReadonlyArray<Contestant>,
  { rounds = 7, warmup = 3 }: { readonly rounds?: number; readonly warmup?: number } = {}
): Promise<ReadonlyMap<string, Measured>> => {
  const times = new Map<string, Array<number>>(contestants.map(({ name }) => [name, []]))
  try {
    for (const { open } of contestants) await open?.()
    for (let round = -warmup; round < rounds; round++) {
      for (const { before, name, run, warmup: own = warmup } of contestants) {
        if (round < -own) continue
        await before?.()
        const started = performance.now()
        const units = await run()
        const nanoseconds = ((performance.now() - started) * 1e6) / units
        if (round >= 0) times.get(name)?.push(nanoseconds)
      }
    }
  } finally {
    for (const { close } of contestants) await close?.()
  }
  return new Map(Array.from(times, ([name, all]) => [name, measured(name, all)]))
}
