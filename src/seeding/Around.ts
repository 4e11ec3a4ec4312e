/**
 * A policy around another one.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { SeedPolicy } from "./SeedPolicy.ts"
import type { Service } from "./Service.ts"

/**
 * Returns the layer with another policy, made from its own, and what is made with that; whatever else it provides stays.
 *
 * @since 0.1.0
 */
export const around = <Out, E, R, More = never>(
  layer: Layer.Layer<SeedPolicy | Out, E, R>,
  make: (inner: Service) => Context.Context<SeedPolicy | More>
): Layer.Layer<SeedPolicy | More | Out, E, R> =>
  Layer.map(layer, (context) => Context.merge(context, make(Context.get(context, SeedPolicy))))
