/**
 * Reads the XML of S3's answers: elements and text, and nothing else that XML has. A document type, an entity of one's own,
 * CDATA, a processing instruction or text beside elements is refused, as S3 sends none; so is what is deep, cut short or
 * not well-formed. A library would bring all that S3 does not need, and is what attacks on XML are made for.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export interface Element {
  readonly name: string
  /** Of an element without children. */
  readonly text: string
  readonly children: ReadonlyArray<Element>
}

interface Open {
  readonly name: string
  text: string
  readonly children: Array<Element>
}

const DEEPEST = 16

const NAME = "[A-Za-z_][\\w.:-]*"

/** A tag that opens, closes, or does both; attributes are read over. */
const TAG = new RegExp(`<(/?)(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)>`, "y")

const DECLARATION = /^\uFEFF?\s*(?:<\?xml\s[^?<>]*\?>)?\s*/

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" }

/** The root of a document; `undefined` if it is no XML of S3. @since 0.1.0 */
export const parse = (text: string): Element | undefined => {
  const open: Array<Open> = []
  let at = DECLARATION.exec(text)?.[0].length ?? 0
  for (;;) {
    const start = text.indexOf("<", at)
    const parent = open.at(-1)
    if (start < 0 || (parent === undefined && start > at)) return undefined
    if (parent !== undefined && start > at) parent.text += text.slice(at, start)
    TAG.lastIndex = start
    const tag = TAG.exec(text)
    if (tag === null) return undefined
    at = TAG.lastIndex
    const [, closes, name = "", attributes, isEmpty] = tag
    if (closes === "") {
      open.push({ name, text: "", children: [] })
      if (open.length > DEEPEST) return undefined
      if (isEmpty === "") continue
    } else if (parent?.name !== name || attributes !== "" || isEmpty !== "") return undefined
    const element = closed(open.pop())
    if (element === undefined) return undefined
    const outer = open.at(-1)
    if (outer === undefined) return text.slice(at).trim() === "" ? element : undefined
    outer.children.push(element)
  }
}

/** Text that stands beside elements may only be white. */
const closed = (own: Open | undefined): Element | undefined => {
  if (own === undefined) return undefined
  const { children, name } = own
  if (children.length > 0) return own.text.trim() === "" ? { name, text: "", children } : undefined
  const text = decoded(own.text)
  return text === undefined ? undefined : { name, text, children }
}

/** Text without its entities; `undefined` for one that XML does not have by itself. */
const decoded = (text: string): string | undefined => {
  if (!text.includes("&")) return text
  let isSound = true
  const plain = text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,8}))?(;?)/g, (_, decimal, hex, name, end) => {
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal)
    const own = name === undefined ? (code <= 0x10ffff ? String.fromCodePoint(code) : undefined) : ENTITIES[name]
    if (end === "" || own === undefined) isSound = false
    return own ?? ""
  })
  return isSound ? plain : undefined
}

/** The text of the first child of this name. @since 0.1.0 */
export const textAt = (element: Element, name: string): string | undefined =>
  element.children.find((own) => own.name === name)?.text
