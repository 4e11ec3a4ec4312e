/**
 * Values as text, for error messages.
 *
 * @since 0.1.0
 */

/** A Proxy or a getter that throws. */
const HIDDEN = "something that cannot be shown"

/**
 * What was thrown, in a few words: an error by name and message, anything else as its value is written.
 *
 * @since 0.1.0
 */
export const shown = (thrown: unknown): string => {
  try {
    if (thrown instanceof Error) return `${thrown.name}: ${thrown.message}`
    return typeof thrown === "string" ? thrown : show(thrown)
  } catch {
    return HIDDEN
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g

/** Text from elsewhere, for a message, with control characters as escapes: a terminal would obey them. @since 0.1.0 */
export const printable = (text: string): string =>
  text.replaceAll(CONTROL, (own) => `\\u${own.charCodeAt(0).toString(16).padStart(4, "0")}`)

/** As long as a value is shown; the options of a pipeline can hold whole images. */
const SHOWN = 120

/** Returns a value as JSON writes it, but with NaN, infinities, bigints and typed arrays as what they are; cut where it is long. @since 0.1.0 */
export const show = (value: unknown): string => {
  try {
    const text = render(value, 0)
    return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text
  } catch {
    return HIDDEN
  }
}

const render = (value: unknown, depth: number): string => {
  if (typeof value === "string") return JSON.stringify(value.slice(0, SHOWN))
  if (typeof value === "bigint") return `${value}n`
  if (typeof value === "function") return "a function"
  if (typeof value !== "object" || value === null) return String(value)
  if (depth > 3) return "…"
  if (Array.isArray(value)) return `[${value.slice(0, SHOWN).map((item: unknown) => render(item, depth + 1))}]`
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return `an object of ${value.constructor?.name}`
  const fields = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${render(item, depth + 1)}`)
  return `{${fields}}`
}
