/**
 * The JavaScript of the package: `bun run build` writes it to `dist/`, beside the declarations of `tsc`.
 *
 * A runtime takes some 0.3 ms to load a file, so `src/`, hundreds of files, is put into a few dozen: one for each module
 * that can be imported, and chunks of what several of them share. `index.js` only names the others, so bundlers leave out
 * what a program does not use. `ThreadEntry.js` does something when it is loaded, and finds `thread.js` by its own URL.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join, resolve } from "node:path"
import { type BuildConfig, type BunPlugin, build, Transpiler } from "bun"
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
    minify: { whitespace: true, syntax: true },
    emitDCEAnnotations: true,
    plugins: [plugin]
  }
  return build(config)
}

const folder = resolve(process.argv[2] ?? join(root, "dist"))
mkdirSync(folder, { recursive: true })
const files = modules.map(({ file }) => file).filter((file) => file !== "index")
await write(folder, [...files, "furrow", "thread"], apart(ENTRY))
await write(folder, [ENTRY], apart("thread"))
const index = new Transpiler({ loader: "ts" }).transformSync(readFileSync(source("index"), "utf8"))
writeFileSync(
  join(folder, "index.js"),
  index.replaceAll(/"\.\/([\w/]+)\.ts"/g, (_, file) => `"./${entryOf(file)}"`)
)
// Trainers in Python copy it from there.
copyFileSync(join(root, "src/service/furrow_client.py"), join(folder, "furrow_client.py"))
