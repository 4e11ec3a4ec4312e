/**
 * The JavaScript of the package: `bun run build` writes it to `dist/`, beside the declarations of `tsc`.
 *
 * A runtime takes some 0.3 ms to load a file, so `src/`, hundreds of files, is put into a few dozen: one for each module
 * that can be imported, and chunks of what several of them share. `index.js` only names the others, so bundlers leave out
 * what a program does not use. `ThreadEntry.js` does something when it is loaded, and finds `thread.js` by its own URL.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join, resolve } from "node:path"
import { type BuildConfig, type BunPlugin, build, Transpiler } from "bun"
import { sources } from "../support/house.ts"
import { entryOf, modules, root } from "./exports.ts"

const source = (file: string): string => join(root, "src", `${file}.ts`)

const ENTRY = "scheduler/backends/threads/ThreadEntry"

/** Leaves imports of a module as they are, from the one folder that all files are in. */
const apart = (file: string): BunPlugin => ({
  name: `${file} by itself`,
  setup: ({ onResolve }) => {
    onResolve({ filter: new RegExp(`/${basename(file)}\\.ts$`) }, () => ({
      path: `./${entryOf(file)}`,
      external: true
    }))
  }
})

const write = (folder: string, files: ReadonlyArray<string>, plugin: BunPlugin): Promise<unknown> => {
  const config: BuildConfig = {
    entrypoints: files.map(source),
    outdir: folder,
    root: join(root, "src"),
    naming: { entry: "[name].js", chunk: "chunk-[hash].js" },
    target: "node",
    splitting: true,
    packages: "external",
    // Lines stay: Node prints the line that threw before the error itself.
    minify: { whitespace: false, syntax: true },
    emitDCEAnnotations: true,
    plugins: [plugin]
  }
  return build(config)
}

const javascript = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".js"))
    .map((name) => join(folder, name))

/** Gives classes that the bundler has renamed, such as `Tensor2`, their own names back: errors and stacks show them. */
const restore = (folder: string): void => {
  const all = new Map(javascript(folder).map((path) => [path, readFileSync(path, "utf8")]))
  const code = Array.from(all.values()).join("\n")
  const own = new Set(sources.flatMap(({ code }) => Array.from(code.matchAll(/\bclass (\w+)/g), ([, name]) => name)))
  const renamed = Array.from(code.matchAll(/^class ((\w+)2)\b/gm)).flatMap(([, is = "", was = ""]) =>
    own.has(is) ? [] : [[is, was] as const]
  )
  for (const [is, was] of renamed) {
    // Only strings, properties and the names of exports may have it.
    const other = new RegExp(`^(?:class|function|var|let|const) ${was}\\b|^ {2}${was},?$`, "m").exec(code)
    if (other !== null) throw new Error(`${is} cannot be called ${was} again: ${other[0]}`)
  }
  const names = new Map(renamed)
  for (const [path, text] of all)
    writeFileSync(
      path,
      text.replaceAll(/\b\w+2\b/g, (word) => names.get(word) ?? word)
    )
}

const folder = resolve(process.argv[2] ?? join(root, "dist"))
mkdirSync(folder, { recursive: true })
const files = modules.map(({ file }) => file).filter((file) => file !== "index")
await write(folder, [...files, "furrow", "thread"], apart(ENTRY))
await write(folder, [ENTRY], apart("thread"))
restore(folder)
const index = new Transpiler({ loader: "ts" }).transformSync(readFileSync(source("index"), "utf8"))
writeFileSync(
  join(folder, "index.js"),
  index.replaceAll(/"\.\/([\w/]+)\.ts"/g, (_, file) => `"./${entryOf(file)}"`)
)
// Trainers in Python copy it from there.
copyFileSync(join(root, "src/service/furrow_client.py"), join(folder, "furrow_client.py"))
