/**
 * The dataset's own order.
 *
 * @since 0.1.0
 */
import { type Order, ownSampler, type Sampler } from "./EpochOrder.ts"

const identity: Order = Object.assign((position: number) => position, { isIdentity: true } as const)

/**
 * The dataset's own order: 0, 1, 2 … Draws nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sequential: Sampler = ownSampler({
  name: "sequential",
  draws: false,
  distinct: true,
  parameters: {},
  count: (size) => size,
  order: () => identity
})
