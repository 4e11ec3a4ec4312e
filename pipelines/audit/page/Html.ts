/**
 * HTML as a template whose values are escaped, so that none can be forgotten.
 */

/** Text that is HTML already. */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Value = Markup | string | number | ReadonlyArray<Markup>

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/** Text for an element or a quoted attribute. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ENTITIES[sign] ?? sign)

const written = (value: Value): string => {
  if (value instanceof Markup) return value.text
  if (typeof value === "string") return escaped(value)
  if (typeof value === "number") return String(value)
  return value.map(({ text }) => text).join("")
}

/** Markup from a template: strings are escaped, markup stands as it is. */
export const html = (parts: TemplateStringsArray, ...values: ReadonlyArray<Value>): Markup =>
  new Markup(parts.map((part, index) => part + written(values[index] ?? "")).join(""))

export const none = new Markup("")

/** JSON for a data block: what could end a script, or start a comment in it, is written as an escape. */
export const json = (value: unknown): Markup => new Markup(JSON.stringify(value).replace(/</g, "\\u003c"))
