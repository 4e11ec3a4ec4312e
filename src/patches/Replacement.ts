/**
 * Functions of global objects that are replaced while a run is open, and put back when it closes.
 *
 * Others may touch the same property meanwhile: a library patches it, a test spies on it, `Object.freeze` seals it. So
 * nothing here assumes that what it finds is what it left. A replacement passes calls on to the function that it stands
 * for, so one that cannot be removed does no harm.
 *
 * @since 0.1.0
 */
import * as GlobalValue from "effect/GlobalValue"

/** A function of a global object. @since 0.1.0 */
export interface Target {
  /** How callers write it, such as `Math.random`; for errors. */
  readonly call: string
  readonly object: object
  readonly key: string
  /** The replacement. Calls reach `original` with the object as `this`. */
  readonly wrap: (original: (...args: ReadonlyArray<unknown>) => unknown) => (...args: Array<never>) => unknown
}

/** A replacement, and the function that restores the original. @since 0.1.0 */
export interface Replaced {
  readonly replacement: unknown
  readonly undo: () => void
}

/** How to put back what a replacement stands for. One map for the process: the module may be loaded twice. */
const undoOf: WeakMap<object, () => void> = GlobalValue.globalValue(
  Symbol.for("furrow/Ambient/replacements"),
  () => new WeakMap()
)

/** What stands there now; nothing where reading it throws. */
const current = (object: object, key: string): unknown => {
  try {
    return Reflect.get(object, key)
  } catch {
    return undefined
  }
}

/** Whether the property was defined. A Proxy may throw, or say so without doing it. */
const define = (object: object, key: string, descriptor: PropertyDescriptor): boolean => {
  try {
    return Reflect.defineProperty(object, key, descriptor)
  } catch {
    return false
  }
}

/**
 * The object whose property is to change: the object itself, or, where it takes no new properties, the prototype that
 * holds the function.
 */
const holderOf = (object: object, key: string): object => {
  let holder: object | null = object
  while (holder !== null && !Object.hasOwn(holder, key)) {
    if (Object.isExtensible(holder)) return holder
    holder = Object.getPrototypeOf(holder)
  }
  return holder ?? object
}

/**
 * Replaces a function, or finds it replaced already, and gives the replacement with what puts the function back; nothing
 * where the property can be neither written nor redefined.
 *
 * @since 0.1.0
 */
export const replace = ({ key, object, wrap }: Target): Replaced | undefined => {
  const original = current(object, key)
  if (typeof original !== "function") return undefined
  // An earlier replacement is there still, or again: it could not be removed, or somebody put it back.
  const known = undoOf.get(original)
  if (known !== undefined) return { replacement: original, undo: known }
  const holder = holderOf(object, key)
  const before = Object.getOwnPropertyDescriptor(holder, key)
  const replacement = wrap((...args) => Reflect.apply(original, object, args))
  const data = { value: replacement, writable: true, enumerable: before?.enumerable ?? false, configurable: true }
  // A property that cannot be redefined may still be writable.
  if (!define(holder, key, before?.configurable === false ? { value: replacement } : data)) return undefined
  if (current(object, key) !== replacement) return undefined
  const undo = (): void => {
    // What somebody else has put there since is theirs.
    if (current(object, key) !== replacement) return
    try {
      if (before === undefined ? Reflect.deleteProperty(holder, key) : define(holder, key, before)) return
    } catch {
      // A Proxy that throws refuses.
    }
    // Sealed since: the value can be put back, if not the property.
    define(holder, key, { value: original })
  }
  undoOf.set(replacement, undo)
  return { replacement, undo }
}
