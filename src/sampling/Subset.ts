/**
 * An order of some indices only.
 *
 * @since 0.1.0
 */
import { whole } from "../core/Check.ts"
import { InvalidOption } from "../core/InvalidOption.ts"
import { listOf } from "../core/Options.ts"
import { ownSampler, type Sampler, samplerMade, samplerOf } from "./EpochOrder.ts"
import { sequential } from "./Sequential.ts"

/**
 * The samples at `indices` only, in the order that `order` (default {@link sequential}) gives the list:
 * `subset(indices, shuffle)` is PyTorch's `SubsetRandomSampler`. The indices are copied, 8 bytes each.
 *
 * Throws `InvalidOption` for an index that is not a whole number of at least 0; one that the dataset does not have is
 * refused likewise, by its place and value, when the epoch is planned.
 *
 * @category constructors
 * @since 0.1.0
 */
export const subset = <R = never>(indices: ArrayLike<number>, order: Sampler<R> = sequential): Sampler<R> => {
  const own = Float64Array.from(listOf("the indices of Sampler.subset", indices))
  samplerOf("the order of Sampler.subset", order)
  own.forEach((index, place) => {
    whole(naming(place), index, 0)
  })
  const sorted = own.toSorted()
  const distinct = sorted.every((index, place) => place === 0 || index !== sorted[place - 1])
  const largest = sorted.at(-1) ?? -1
  const inside = (size: number): void => {
    if (largest < size) return
    const place = own.findIndex((index) => index >= size)
    const expected = size === 0 ? "left out: the dataset is empty" : `from 0 to ${size - 1}, as the dataset has it`
    throw new InvalidOption({ option: naming(place), value: own[place], expected })
  }
  return ownSampler({
    name: order.name === sequential.name ? "subset" : `subset, ${order.name}`,
    draws: order.draws,
    distinct: distinct && order.distinct,
    parameters: { indices: own, order: samplerMade(order) },
    count: (size) => {
      inside(size)
      return order.count(own.length)
    },
    order: (size, rng) => {
      inside(size)
      const place = order.order(own.length, rng)
      // A sampler gives indices below the size that it was given, here the list's length.
      return (position) => own[place(position)] as number
    }
  })
}

const naming = (place: number): string => `index at place ${place} of the subset`
