/** Draws held against the distribution function that they are to have. The seeds are fixed, so outcomes are, too. */
import { expect } from "bun:test"
import { chiSquare, counts, deviation, tally } from "../../support/statistics.ts"

/** The standard normal's distribution function, by its series about 0: good to 12 digits from -6 to 6. */
export const normal = (x: number): number => {
  let term = x
  let sum = x
  for (let odd = 3; odd < 201; odd += 2) {
    term *= (x * x) / odd
    sum += term
  }
  return 0.5 + sum * Math.exp(-0.5 * x * x) * 0.3989422804014327
}

/**
 * Holds draws against a continuous distribution: brought to [0, 1) by its function they must be uniform, by the count
 * in even cells and by the largest gap (Kolmogorov and Smirnov), and not hang on the one before.
 */
export const expectFit = (draws: Float64Array, distribution: (x: number) => number, cells = 512): void => {
  const unit = draws.map((draw) => distribution(draw))
  const found = counts(cells)
  for (const share of unit) tally(found, Math.min(Math.floor(share * cells), cells - 1))
  expect(Math.abs(deviation(chiSquare(found), cells - 1))).toBeLessThan(4)

  let lagged = 0
  for (let index = 1; index < unit.length; index++) {
    lagged += ((unit[index] as number) - 0.5) * ((unit[index - 1] as number) - 0.5)
  }
  expect(Math.abs((lagged * 12) / Math.sqrt(unit.length))).toBeLessThan(4)

  let gap = 0
  unit.sort().forEach((share, index) => {
    gap = Math.max(gap, Math.abs(share - index / unit.length), Math.abs(share - (index + 1) / unit.length))
  })
  // One time in 3,000 a fair row has a larger one.
  expect(gap * Math.sqrt(unit.length)).toBeLessThan(2.1)
}

/** Holds the mean and the variance of draws within four of their own standard errors; `fourth` is E(x - mean)^4. */
export const expectMoments = (draws: Float64Array, mean: number, variance: number, fourth: number): void => {
  let sum = 0
  for (const draw of draws) sum += draw - mean
  expect(Math.abs(sum / Math.sqrt(draws.length * variance))).toBeLessThan(4)
  let squares = 0
  for (const draw of draws) squares += (draw - mean) ** 2 - variance
  expect(Math.abs(squares / Math.sqrt(draws.length * (fourth - variance ** 2)))).toBeLessThan(4)
}
