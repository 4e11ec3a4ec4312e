/** What the bench is asked for on the command line. */

export interface Arguments {
  readonly json: boolean
  /** Where the page goes. */
  readonly html: string | undefined
  /** The keys to answer for; all when there are none. */
  readonly only: ReadonlyArray<string>
  readonly rounds: number
}

/** What was asked for cannot be done. */
export class Usage extends Error {
  override readonly name = "Usage"
}

/** Medians of fewer are not quoted. */
export const LEAST_ROUNDS = 5

const USAGE = "bun run bench [--json] [--html FILE] [--only KEY[,KEY]] [--rounds N]"

/** Reads the command line. Throws {@link Usage}, which says what is wrong and what there is. */
export const read = (args: ReadonlyArray<string>, keys: ReadonlyArray<string>): Arguments => {
  let json = false
  let html: string | undefined
  let rounds = 7
  const only: Array<string> = []
  for (let at = 0; at < args.length; at++) {
    const [name, inline] = split(args[at] ?? "")
    const value = (): string => {
      const own = inline ?? args[++at]
      if (own === undefined || own === "") throw new Usage(`${name} wants a value: ${USAGE}`)
      return own
    }
    if (name === "--json" && inline === undefined) json = true
    else if (name === "--html") html = value()
    else if (name === "--only") only.push(...value().split(","))
    else if (name === "--rounds") rounds = whole(value())
    else throw new Usage(`"${args[at]}" is not an option: ${USAGE}`)
  }
  return { json, html, only: only.flatMap((name) => named(name, keys)), rounds }
}

/** The key of that name, or all whose first words it is: `workers` stands for `workers 1 fibers` and the others. */
const named = (name: string, keys: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (keys.includes(name)) return [name]
  const several = keys.filter((key) => key.startsWith(`${name} `))
  if (name !== "" && several.length > 0) return several
  throw new Usage(`"${name}" is no key; there are\n  ${keys.join("\n  ")}`)
}

const split = (arg: string): readonly [string, string | undefined] => {
  const at = arg.indexOf("=")
  return at === -1 ? [arg, undefined] : [arg.slice(0, at), arg.slice(at + 1)]
}

const whole = (text: string): number => {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= LEAST_ROUNDS) return value
  throw new Usage(`--rounds is a whole number of at least ${LEAST_ROUNDS}, not "${text}": medians of fewer say little`)
}
