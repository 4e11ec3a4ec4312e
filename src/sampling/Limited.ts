/**
 * The beginning of an order.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import { whole } from "../core/Check.ts"
import { descriptionOf } from "../core/MadeFor.ts"
import { isSampler, ownSampler, type Sampler, samplerMade, samplerOf } from "./EpochOrder.ts"

/** Tells whether the sampler was given, first; if not, the count is checked where it stands. */
const samplerFirst = (args: ArrayLike<unknown>): boolean => {
  if (args.length > 1 || isSampler(args[0])) return true
  whole("count", args[0] as number, 1) // as the caller gave it, who may not have types
  return false
}

/**
 * The first `count` positions of each epoch's order, or all of them where there are fewer. Behind `shuffle` that is
 * another choice of samples each epoch. Throws `InvalidOption` unless `count` is a whole number of at least 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const limited: {
  (count: number): <R>(sampler: Sampler<R>) => Sampler<R>
  <R>(sampler: Sampler<R>, count: number): Sampler<R>
} = dual(samplerFirst, <R>(sampler: Sampler<R>, count: number): Sampler<R> => {
  whole("count", count, 1)
  samplerOf("the sampler of Sampler.limited", sampler)
  const windowBlocks = descriptionOf(sampler, "windowBlocks")
  return ownSampler({
    name: `${sampler.name}, at most ${count}`,
    draws: sampler.draws,
    distinct: sampler.distinct,
    parameters: { count, of: samplerMade(sampler) },
    count: (size) => Math.min(count, sampler.count(size)),
    order: sampler.order,
    ...(windowBlocks === undefined ? {} : { windowBlocks })
  })
})
