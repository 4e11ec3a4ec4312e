/**
 * All samplers. A sampler gives the order of each epoch, and answers for any position at the same small cost.
 *
 * @since 0.1.0
 */
export type { Order, Sampler } from "./EpochOrder.ts"
export { limited } from "./Limited.ts"
export { type OrderReport, type ReportOptions, report } from "./Report.ts"
export { sequential } from "./Sequential.ts"
export { shuffle } from "./Shuffle.ts"
export { type ShuffleBlocksOptions, shuffleBlocks } from "./ShuffleBlocks.ts"
export { subset } from "./Subset.ts"
export { weighted } from "./Weighted.ts"
export { type CountOptions, withReplacement } from "./WithReplacement.ts"
