/**
 * Which copy of `effect` made a value. Effects of release 3 hold their version, those of 4 are marked by other keys.
 *
 * @since 0.1.0
 */
import { type Effect, EffectTypeId } from "effect/Effect"
import { type Layer, LayerTypeId } from "effect/Layer"
import { getCurrentVersion } from "effect/ModuleVersion"
import * as Predicate from "effect/Predicate"
import { ForeignEffect } from "../core/ForeignEffect.ts"

/** The keys that mark values of Effect 4. */
const NEXT = ["~effect/Effect", "~effect/Layer", "~effect/Stream"]

/** How deep a layer is searched for an effect, which holds the version that made both. */
const DEPTH = 8

/** Returns the version that made an effect, or the first effect within a layer; `undefined` if there is none. */
const versionOf = (value: unknown, depth: number): string | undefined => {
  if (Predicate.hasProperty(value, EffectTypeId)) {
    const variance = value[EffectTypeId]
    return Predicate.hasProperty(variance, "_V") && typeof variance._V === "string" ? variance._V : undefined
  }
  if (depth === 0 || !Predicate.hasProperty(value, LayerTypeId)) return undefined
  for (const part of Object.values(value)) {
    const version = versionOf(part, depth - 1)
    if (version !== undefined) return version
  }
  return undefined
}

/**
 * Returns an error if `value` is an effect or a layer that another copy of `effect` made. Two copies of the same version
 * work together and are not told apart. Not every layer of another release of Effect 3 is recognized, since a merged layer
 * hides its parts; those run, and Effect itself warns about the two versions.
 *
 * @since 0.1.0
 */
export const foreign = (place: string, value: unknown): ForeignEffect | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const version = getCurrentVersion()
  const found = versionOf(value, DEPTH) ?? (NEXT.some((key) => key in value) ? "4" : version)
  return found === version ? undefined : new ForeignEffect({ place, found, version })
}

/**
 * Returns `layer`. Throws {@link ForeignEffect} if another copy of `effect` made it.
 *
 * @since 0.1.0
 */
export const ownLayer = <A, E, R>(place: string, layer: Layer<A, E, R>): Layer<A, E, R> => {
  const wrong = foreign(place, layer)
  if (wrong !== undefined) throw wrong
  return layer
}

/**
 * Returns `effect`. Throws {@link ForeignEffect} if another copy of `effect` made it.
 *
 * @since 0.1.0
 */
export const ownEffect = <A, E, R>(place: string, effect: Effect<A, E, R>): Effect<A, E, R> => {
  const wrong = foreign(place, effect)
  if (wrong !== undefined) throw wrong
  return effect
}
