/**
 * How far counts are from what they should be. The tests draw by fixed seeds, so they come out the same each time; the
 * bounds say how unlikely the outcome would be of fair draws.
 */

/** Places to count in, all 0. */
export const counts = (length: number): Array<number> => Array.from({ length }, () => 0)

/** Counts one more in a cell. */
export const tally = (found: Array<number>, cell: number): void => {
  const count = found[cell]
  if (count === undefined) throw new RangeError(`there is no cell ${cell} among ${found.length}`)
  found[cell] = count + 1
}

/** Pearson's statistic of counts against their expected shares (default: all the same). */
export const chiSquare = (found: ReadonlyArray<number>, shares?: ReadonlyArray<number>): number => {
  const total = found.reduce((sum, count) => sum + count, 0)
  const whole = shares === undefined ? found.length : shares.reduce((sum, share) => sum + share, 0)
  return found.reduce((sum, count, cell) => {
    const expected = (total * (shares?.[cell] ?? 1)) / whole
    return sum + (count - expected) ** 2 / expected
  }, 0)
}

/** A statistic in standard deviations from its mean under chance (Wilson and Hilferty's normal approximation). */
export const deviation = (statistic: number, freedom: number): number => {
  const spread = 2 / (9 * freedom)
  return (Math.cbrt(statistic / freedom) - (1 - spread)) / Math.sqrt(spread)
}
