/**
 * The module of a pipeline, as a member of a pool imports it: the pipeline that it exports, and its services.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import { shown } from "../../../core/Show.ts"
import { foreign } from "../../../patches/EffectVersion.ts"
import type { Pipeline } from "../../../pipeline/Pipeline.ts"
import { isPipeline, ownPipeline } from "../../../pipeline/PipelineValue.ts"
import { decodeConfig } from "./ConfigCodec.ts"
import type { MemberStart } from "./Protocol.ts"

/** @since 0.1.0 */
export interface PipelineModule {
  readonly pipeline: Pipeline<unknown, unknown, unknown>
  readonly services: Layer.Layer<never>
}

/** Imports the module; `hint` is added to the error if it cannot be loaded. @since 0.1.0 */
export const load = (start: MemberStart, hint = ""): Effect.Effect<PipelineModule, Error> =>
  Effect.gen(function* () {
    const module: unknown = yield* Effect.tryPromise({
      try: () => import(start.module) as Promise<unknown>,
      catch: (cause) => new Error(`${start.module} cannot be loaded: ${shown(cause)}${hint}`)
    })
    return yield* Effect.tryPromise({
      try: async () => ({ pipeline: await exported(module, start), services: servicesOf(module) }),
      catch: (cause) => new Error(reasonOf(cause))
    })
  })

const exported = async (module: unknown, { config, module: url, name }: MemberStart) => {
  const found = Predicate.isRecord(module) ? module[name] : undefined
  const pipeline: unknown = Predicate.isFunction(found) ? await found(decodeConfig(config)) : found
  if (isPipeline(pipeline)) {
    ownPipeline(`\`${name}\` of ${url}`, pipeline)
    return pipeline
  }
  const instead = Predicate.isFunction(found)
    ? `\`${name}\` is a function that gave ${shown(pipeline)}`
    : found === undefined
      ? `it exports ${exportsOf(module)}`
      : `\`${name}\` is ${shown(found)}`
  throw new Error(
    `${url} has no export \`${name}\` that is a Pipeline, or a function that returns one: ${instead}. ` +
      "The option `name` says which export to take"
  )
}

/** How many exports are named. */
const NAMED = 20

const exportsOf = (module: unknown): string => {
  const names = Predicate.isRecord(module) ? Object.keys(module) : []
  if (names.length === 0) return "nothing"
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : ""
  return (
    names
      .slice(0, NAMED)
      .map((own) => `\`${own}\``)
      .join(", ") + more
  )
}

const servicesOf = (module: unknown): Layer.Layer<never> => {
  const services = Predicate.isRecord(module) ? module["services"] : undefined
  const wrong = foreign("the layer that the pipeline's module exports as `services`", services)
  if (wrong !== undefined) throw wrong
  // What it lacks shows as a missing service, in the stage that wants it.
  return Layer.isLayer(services) ? (services as unknown as Layer.Layer<never>) : Layer.empty
}

/** Why a member cannot serve: of its own errors the message alone, of others what they show. @since 0.1.0 */
export const reasonOf = (thrown: unknown): string => {
  try {
    return thrown instanceof Error && thrown.name === "Error" ? thrown.message : shown(thrown)
  } catch {
    return shown(thrown)
  }
}
