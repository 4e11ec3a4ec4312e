/**
 * A policy around another one.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { InvalidOption } from "../core/InvalidOption.ts"
import { SeedPolicy } from "./SeedPolicy.ts"
import type { Service } from "./Service.ts"

/**
 * Returns the layer with another policy, made from its own, and what is made with that; whatever else it provides stays.
 * Throws `InvalidOption` if it is not a layer.
 *
 * @since 0.1.0
 */
export const around = <Out, E, R, More = never>(
  layer: Layer.Layer<SeedPolicy | Out, E, R>,
  make: (inner: Service) => Context.Context<SeedPolicy | More>
): Layer.Layer<SeedPolicy | More | Out, E, R> => {
  const given: unknown = layer
  if (!Layer.isLayer(given)) {
    const expected = "a seed policy, such as SeedPolicy.epochWorker({ seed: 42 })"
    throw new InvalidOption({ option: "the policy within another one", value: given, expected })
  }
  return Layer.map(layer, (context) => Context.merge(context, make(Context.get(context, SeedPolicy))))
}
