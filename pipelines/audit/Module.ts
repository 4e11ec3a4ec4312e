/**
 * A user's own pipeline to audit: a module that exports `pipeline` and `layer`.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import { Pipeline, type Seed, type SeedPolicy } from "../../src/index.ts"
import { imported } from "../cli/Imported.ts"
import { Usage } from "../cli/Main.ts"

type PolicyLayer = Layer.Layer<SeedPolicy.SeedPolicy, unknown>

export interface Module {
  readonly pipeline: Pipeline.Pipeline<unknown, unknown, SeedPolicy.SeedPolicy>
  readonly layer: PolicyLayer | ((seed: Seed.RootInput) => PolicyLayer)
}

/** Loads a module by its path. Fails with one line when it cannot be loaded or lacks what is needed. */
export const load = (path: string): Effect.Effect<Module, Usage> =>
  Effect.gen(function* () {
    const { layer, pipeline } = yield* imported(`--pipeline ${JSON.stringify(path)}`, path)
    const lacking = (name: string, what: string) =>
      new Usage({ message: `--pipeline ${JSON.stringify(path)} has no export \`${name}\` that is ${what}` })
    if (!Predicate.hasProperty(pipeline, Pipeline.TypeId)) return yield* lacking("pipeline", "a Pipeline")
    if (!Layer.isLayer(layer) && !Predicate.isFunction(layer)) {
      return yield* lacking("layer", "a Layer of SeedPolicy, or a function from a seed to one")
    }
    // TypeId marks pipelines and nothing else, isLayer layers. What the two provide and require shows when they are used:
    // a service that is missing there is an error of its own.
    return { pipeline, layer } as unknown as Module
  })
