/**
 * The examples of the documentation, taken out of it: each `ts` block of a Markdown page and each `@example` of a
 * docstring that imports something. What does not import is a fragment and no program.
 */

/** One example, as a program. */
export interface Example {
  /** Where it stands, in words: `README.md: A first pipeline`. */
  readonly name: string
  readonly code: string
  /** Whether it may be run; a block marked `ts no-run` is only type-checked. */
  readonly runs: boolean
}

const imports = (code: string): boolean => /^import /m.test(code)

/** Names made unlike each other: the second `a` is called `a (2)`. */
const numbered = (examples: ReadonlyArray<Example>): ReadonlyArray<Example> => {
  const seen = new Map<string, number>()
  return examples.map((example) => {
    const count = (seen.get(example.name) ?? 0) + 1
    seen.set(example.name, count)
    return count === 1 ? example : { ...example, name: `${example.name} (${count})` }
  })
}

/** The `ts` blocks of a Markdown page, each named by the heading it stands under. */
export const fromMarkdown = (file: string, text: string): ReadonlyArray<Example> => {
  const examples: Array<Example> = []
  let heading = "the top"
  // A heading, or a block of any language: blocks are taken whole, since a "#" in one is no heading.
  for (const [, title, info = "", code = ""] of text.matchAll(/^#+ (.+)$|^```(.*)\n([\s\S]*?)^```$/gm)) {
    if (title !== undefined) heading = title
    const [language, ...marks] = info.trim().split(/\s+/)
    if (language !== "ts" || !imports(code)) continue
    examples.push({ name: `${file}: ${heading}`, code, runs: !marks.includes("no-run") })
  }
  return numbered(examples)
}

/** The `@example`s of a source file's docstrings, each named by the export that it documents. */
export const fromSource = (file: string, text: string): ReadonlyArray<Example> => {
  const examples: Array<Example> = []
  for (const docstring of text.matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
    const lines = (docstring[1] ?? "").split("\n").map((line) => line.replace(/^\s*\* ?|^ (?=@)/, ""))
    const after = text.slice(docstring.index + docstring[0].length)
    const documented = /^\s*(?:export )?(?:declare )?(?:const|class|abstract class|function|interface|type) (\w+)/
    const member = /^\s*(?:(?:override|readonly|static|abstract) )*(\w+)[(<:?]/
    const name = (documented.exec(after) ?? member.exec(after))?.[1] ?? "the module"
    // From one "@example" to the next tag; what stands before the first tag is prose.
    for (const section of lines.join("\n").split(/^(?=@\w)/m)) {
      if (!section.startsWith("@example")) continue
      const code = section.replace(/^@example.*\n/, "").replace(/^```.*$/gm, "")
      if (imports(code)) examples.push({ name: `${file}: ${name}`, code: `${code.trimEnd()}\n`, runs: true })
    }
  }
  return numbered(examples)
}
