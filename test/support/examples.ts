/**
 * The examples of the documentation: every `ts` block of the README and of the pages in `docs`, and every `@example` of
 * a docstring in `src`, as programs of their own.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export interface Example {
  /** Where it stands, such as `src/core/Tensor.ts:54`. */
  readonly name: string
  readonly code: string
  /** Whether it is run; a block marked `ts no-run` is only type-checked. */
  readonly runs: boolean
}

const sources = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .toSorted()
    .map((name) => join(folder, name))

/** The lines behind `@example` up to the next tag or the comment's end, without the comment's stars. */
const docstrings = (file: string): ReadonlyArray<Example> => {
  const lines = readFileSync(file, "utf8").split("\n")
  const examples: Array<Example> = []
  for (let at = 0; at < lines.length; at++) {
    if (!/^\s*\*\s*@example\s*$/.test(lines[at] ?? "")) continue
    const code: Array<string> = []
    for (let line = at + 1; line < lines.length && !/^\s*\*\s*(@|\/)|\*\/\s*$/.test(lines[line] ?? ""); line++) {
      code.push((lines[line] ?? "").replace(/^\s*\* ?/, ""))
    }
    examples.push({ name: `${relative(root, file)}:${at + 1}`, code: code.join("\n").trim(), runs: true })
  }
  return examples
}

const blocks = (file: string): ReadonlyArray<Example> => {
  const text = readFileSync(file, "utf8")
  return Array.from(text.matchAll(/^```ts( no-run)?\n([\s\S]*?)^```$/gm), (match) => ({
    name: `${relative(root, file)}:${text.slice(0, match.index).split("\n").length}`,
    code: (match[2] ?? "").trim(),
    runs: match[1] === undefined
  }))
}

/** The Markdown files directly in `folder`, in the order of their names. */
const pages = (folder: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(".md"))
        .toSorted()
        .map((name) => join(folder, name))
    : []

/** All of them: the README's first, then those of the pages in `docs`, then those of docstrings. */
export const examples = (): ReadonlyArray<Example> => [
  ...blocks(join(root, "README.md")),
  ...pages(join(root, "docs")).flatMap(blocks),
  ...sources(join(root, "src")).flatMap(docstrings)
]
