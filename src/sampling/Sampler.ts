/**
 * The order of one epoch.
 *
 * A sampler answers for any position, in any order, at the same small cost, and holds no list of the epoch.
 *
 * @since 0.1.0
 */
export type { Order, Sampler } from "./EpochOrder.ts"
export { limited } from "./Limited.ts"
export { sequential } from "./Sequential.ts"
export { shuffle } from "./Shuffle.ts"
export { subset } from "./Subset.ts"
export { weighted } from "./Weighted.ts"
export { type CountOptions, withReplacement } from "./WithReplacement.ts"
