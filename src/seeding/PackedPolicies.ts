/**
 * Furrow's own policies, `epochWorker` and `elastic`: their seeds are start states packed from coordinates. A name and a
 * root say all of them, so another thread can make them again.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { algorithm as xoshiro } from "../random/generators/Xoshiro128.ts"
import type * as Seed from "../random/Seed.ts"
import { byIndex, byWorker, type Layout, states } from "./Counter.ts"
import type { Request } from "./Request.ts"
import { asDerived, type Derivation, ownPolicy, refused, type Service } from "./Service.ts"

const packed = (
  name: Derivation["name"],
  elastic: boolean,
  layoutOf: (request: Request) => Layout,
  root: Seed.Root
): Service => {
  const own = { name, seed: root.text, parameters: {}, elastic, injective: true } as const
  const seeds: Service["seeds"] = (request) => {
    const words = states(layoutOf, request, root)
    return words instanceof Uint32Array
      ? Either.right({ _tag: "Packed", algorithm: xoshiro, width: 4, words })
      : refused(own, request, words.reason, words.row)
  }
  return ownPolicy({ ...own, seeds: asDerived(seeds, { name, root }) })
}

/** The policies, by name. @since 0.1.0 */
export const makers = {
  epochWorker: (seed: Seed.Root): Service => packed("epochWorker", false, byWorker, seed),
  elastic: (seed: Seed.Root): Service => packed("elastic", true, byIndex, seed)
}

/** The function of the policy that a derivation says. @since 0.1.0 */
export const derived = ({ name, root }: Derivation): Service["seeds"] => makers[name](root).seeds
