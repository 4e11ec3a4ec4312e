/**
 * What this library changes inside Effect, or asks of it, and so has to know: where the services are kept that a fiber falls
 * back to, where the hashes of objects are, and what waits for a fiber. A test compares all with the installed release.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as GlobalValue from "effect/GlobalValue"
import * as Hash from "effect/Hash"
import type { Replaced } from "./Replacement.ts"

/** The service that a fiber finds if it was given none. @since 0.1.0 */
export const live = <I extends DefaultServices.DefaultServices, S>(tag: Context.Tag<I, S>): S =>
  Context.get(DefaultServices.liveServices, tag)

/** Replaces such a service; `undefined` if `replacement` returns the one that is there. @since 0.1.0 */
export const exchange = <I extends DefaultServices.DefaultServices, S>(
  tag: Context.Tag<I, S>,
  replacement: (own: S) => S
): Replaced | undefined => {
  const services = DefaultServices.liveServices.unsafeMap
  const own = live(tag)
  const other = replacement(own)
  if (own === other) return undefined
  services.set(tag.key, other)
  return {
    replacement: other,
    undo: () => {
      if (services.get(tag.key) === other) services.set(tag.key, own)
    }
  }
}

/** The hashes by which Effect tells objects apart, drawn when one is first asked for. */
const hashes: WeakMap<object, number> = GlobalValue.globalValue(
  Symbol.for("effect/Hash/randomHashCache"),
  () => new WeakMap()
)

/** Has Effect's hashes of objects drawn by `random`, a number from 0 to 1; `undefined` if they are already. @since 0.1.0 */
export const hashesBy = (random: () => number): Replaced | undefined => {
  if (Object.hasOwn(hashes, "has")) return undefined
  // Effect asks here whether an object has a hash, before it draws one: now it always has.
  const replacement = (self: object): boolean => {
    if (WeakMap.prototype.has.call(hashes, self)) return true
    hashes.set(self, Hash.number(Math.floor(random() * Number.MAX_SAFE_INTEGER)))
    return true
  }
  Object.defineProperty(hashes, "has", { value: replacement, configurable: true })
  return { replacement, undo: () => Reflect.deleteProperty(hashes, "has") }
}

const Success = Exit.void.constructor

/** Whether an effect is a value, so that there is nothing to run: `Effect.void`, or made by `Effect.succeed`. @since 0.1.0 */
export const isSuccess = (effect: Effect.Effect<unknown, unknown, unknown>): boolean => effect.constructor === Success

/**
 * Whether a fiber that runs has been told something that it has not heard yet, such as an interrupt: it looks between two
 * effects. True also where that cannot be known.
 *
 * @since 0.1.0
 */
export const hasMessages = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean => {
  const { _queue: queue }: { readonly _queue?: unknown } = fiber as object
  return !Array.isArray(queue) || queue.length > 0
}
