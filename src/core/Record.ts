/**
 * Records: objects as literals make them.
 *
 * @since 0.1.0
 */

/** Whether a value is a record; objects of classes are not. @since 0.1.0 */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
