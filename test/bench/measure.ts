/**
 * Interleaved timing: the contestants take turns, A B C A B C …, so that a machine that slows down slows all of them;
 * what is quoted is the median, and ratios are of medians. (Benchmark libraries run one contestant after the other,
 * which on a shared machine measures the hour as much as the code.)
 */

/** One contestant: does its work once, and says how many units (samples, streams …) that was. */
export interface Contestant {
  readonly name: string
  readonly run: () => number | Promise<number>
}

/** What a contestant took. */
export interface Measured {
  readonly name: string
  /** Nanoseconds a unit: the median over the rounds. */
  readonly median: number
  readonly fastest: number
  readonly slowest: number
}

/** Runs all contestants in turn: `warmup` rounds that do not count, then `rounds` that do. */
export const interleaved = async (
  contestants: ReadonlyArray<Contestant>,
  { rounds = 9, warmup = 3 }: { readonly rounds?: number; readonly warmup?: number } = {}
): Promise<ReadonlyMap<string, Measured>> => {
  const times = new Map<string, Array<number>>(contestants.map(({ name }) => [name, []]))
  for (let round = -warmup; round < rounds; round++) {
    for (const { name, run } of contestants) {
      const started = performance.now()
      const units = await run()
      const nanoseconds = ((performance.now() - started) * 1e6) / units
      if (round >= 0) times.get(name)?.push(nanoseconds)
    }
  }
  const measured = new Map<string, Measured>()
  for (const [name, all] of times) {
    const sorted = all.toSorted((a, b) => a - b)
    measured.set(name, {
      name,
      median: sorted[sorted.length >> 1] ?? Number.NaN,
      fastest: sorted[0] ?? Number.NaN,
      slowest: sorted.at(-1) ?? Number.NaN
    })
  }
  return measured
}
