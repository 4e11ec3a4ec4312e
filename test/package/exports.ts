/**
 * What the package offers. Its list of modules is `src/index.ts`; the entries of package.json, deno.json and tsconfig.json
 * follow from it, and `public.txt` beside this file names everything that can be imported. `bun run build:exports` writes
 * all four, a test compares them.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { basename, dirname, join, normalize } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

const textOf = (file: string): string => readFileSync(join(root, file), "utf8")

/** A module that can be imported. */
export interface Module {
  /** As it is imported, such as `furrow/Batch`. */
  readonly name: string
  /** Its file within `src/`, without `.ts`. */
  readonly file: string
}

/** All modules: the doors, then the others by name. */
export const modules: ReadonlyArray<Module> = [
  { name: "furrow", file: "index" },
  { name: "furrow/testing", file: "testing" },
  { name: "furrow/service", file: "service" },
  { name: "furrow/cluster", file: "cluster" },
  ...Array.from(
    textOf("src/index.ts").matchAll(/^export \* as (\w+) from "\.\/(.+)\.ts"/gm),
    ([, name = "", file = ""]) => ({
      name: `furrow/${name}`,
      file
    })
  ).toSorted((a, b) => (a.name < b.name ? -1 : 1))
]

/** The file of the built package that holds a module: one folder has them all. */
export const entryOf = (file: string): string => `${basename(file)}.js`

/** Something that a module exports. */
export interface Export {
  readonly name: string
  /** The file that declares it, within `src/`. */
  readonly file: string
  /** The comment above it; empty if there is none. */
  readonly docs: string
  /** What stands there, up to its first line's end. */
  readonly code: string
}

const DECLARED =
  /^(?<docs>\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?(?:\/\/.*\n)*(?<code>export (?:declare |abstract |async )*(?:const|let|function\*?|class|interface|type|namespace) (?<name>\w+).*)$/gm
const LISTED = /^export (?:type )?\{(?<names>[^}]*)\}(?: from "(?<from>\.[^"]+)")?/gm
const SPACE = /^(?<docs>\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?(?<code>export \* as (?<name>\w+) from "(?<from>\.[^"]+)")/gm
const STAR = /^export (?:type )?\* from "(?<from>\.[^"]+)"/gm

/** All that a file of `src/` exports, types included, wherever it is declared; `Random.make` is one of a namespace in it. */
export const exportsOf = (file: string): ReadonlyArray<Export> => {
  const text = textOf(`src/${file}`)
  const from = (path: string | undefined): string => normalize(join(dirname(file), path ?? ""))
  const found = new Map<string, Export>()
  const add = (one: Export): void => {
    // Of a type and a value by one name the first one stands for both.
    if (!found.has(one.name)) found.set(one.name, one)
  }
  for (const { groups = {} } of text.matchAll(DECLARED)) {
    add({ name: groups["name"] ?? "", file, docs: groups["docs"] ?? "", code: groups["code"] ?? "" })
  }
  for (const { groups = {} } of file === "index.ts" ? [] : text.matchAll(SPACE)) {
    const name = groups["name"] ?? ""
    add({ name, file, docs: groups["docs"] ?? "", code: groups["code"] ?? "" })
    for (const one of exportsOf(from(groups["from"]))) add({ ...one, name: `${name}.${one.name}` })
  }
  for (const { groups = {} } of text.matchAll(STAR)) for (const one of exportsOf(from(groups["from"]))) add(one)
  for (const { groups = {} } of text.matchAll(LISTED)) {
    for (const item of (groups["names"] ?? "").split(",")) {
      const [own = "", name = own] = item
        .trim()
        .replace(/^type /, "")
        .split(" as ")
      if (own === "") continue
      const origin = groups["from"] === undefined ? imported(text, own) : groups["from"]
      const declared = exportsOf(from(origin)).find((one) => one.name === own)
      if (declared === undefined) throw new Error(`${file} exports ${own}, which ${origin} does not`)
      add({ ...declared, name })
    }
  }
  return Array.from(found.values()).toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** The file that a name was imported from. */
const imported = (text: string, name: string): string => {
  const path = new RegExp(`^import (?:type )?\\{[^}]*\\b${name}\\b[^}]*\\} from "(\\.[^"]+)"`, "m").exec(text)?.[1]
  if (path === undefined) throw new Error(`${name} is exported, but not imported`)
  return path
}

/** Replaces the object that a JSON file holds under a key, as the formatter writes it. */
const withEntries = (file: string, key: string, entries: Readonly<Record<string, unknown>>): string => {
  const block = new RegExp(`^( *)"${key}": \\{\\n[\\s\\S]*?^\\1\\}`, "m")
  return textOf(file).replace(block, (_, indent: string) => {
    const lines = JSON.stringify(entries, null, 2).replaceAll(/\[\s+("[^"]+")\s+\]/g, "[$1]")
    return `${indent}"${key}": ${lines.replaceAll("\n", `\n${indent}`)}`
  })
}

/** The files that follow from the list, as they ought to be. */
export const generated = (): Readonly<Record<string, string>> => {
  const to = <A>(entry: (module: Module) => A): Readonly<Record<string, A>> =>
    Object.fromEntries(modules.map((module) => [module.name, entry(module)]))
  const exported = modules.map(
    ({ file, name }) =>
      [name.replace("furrow", "."), { types: `./dist/${file}.d.ts`, default: `./dist/${entryOf(file)}` }] as const
  )
  const names = modules.flatMap(({ file, name }) => exportsOf(`${file}.ts`).map((one) => `${name} ${one.name}\n`))
  return {
    "package.json": withEntries("package.json", "exports", {
      ...Object.fromEntries(exported),
      "./package.json": "./package.json"
    }),
    "deno.json": withEntries("deno.json", "imports", {
      "bun:test": "./test/support/bun-test.ts",
      ...to(({ file }) => `./src/${file}.ts`)
    }),
    "tsconfig.json": withEntries(
      "tsconfig.json",
      "paths",
      to(({ file }) => [`./src/${file}.ts`])
    ),
    "test/package/public.txt": names.join("")
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  for (const [file, text] of Object.entries(generated())) writeFileSync(join(root, file), text)
}
