/** The package as its users get it: built, in a `node_modules` of its own, beside the `effect` that is installed here. */
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { binary, root } from "../support/app.ts"

/** A folder in which programs can import `furrow`. */
export interface Built {
  readonly folder: string
  /** The entry point of the package. */
  readonly entry: string
  /** The modules of Effect that its files import, by name. */
  readonly effect: ReadonlyArray<string>
  readonly remove: () => void
}

/** Builds it. The folder lies within `node_modules`, so that dependencies are found, once each. */
export const built = (): Built => {
  const cache = join(root, "node_modules", ".cache")
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, "furrow-"))
  const home = join(folder, "node_modules", "furrow")
  const dist = join(home, "dist")
  mkdirSync(home, { recursive: true })
  copyFileSync(join(root, "package.json"), join(home, "package.json"))
  execFileSync(binary("bun"), ["run", "test/package/build.ts", dist], { cwd: root })
  return {
    folder,
    entry: pathToFileURL(join(dist, "index.js")).href,
    effect: effectOf(dist),
    remove: () => rmSync(folder, { recursive: true, force: true })
  }
}

const effectOf = (dist: string): ReadonlyArray<string> => {
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".js"))
  const names = files.flatMap((file) =>
    Array.from(
      readFileSync(join(dist, file), "utf8").matchAll(/\bfrom ?"((?:@effect|effect)\/[^"]+)"/g),
      ([, name = ""]) => name
    )
  )
  return Array.from(new Set(names)).toSorted()
}

/** Bytes of a program, bundled and minified, by the package that they come from. */
export const bundled = ({ folder }: Pick<Built, "folder">, program: string): ReadonlyMap<string, number> => {
  const file = join(folder, "app.ts")
  const meta = join(folder, "meta.json")
  writeFileSync(file, program)
  const flags = ["--target=node", "--minify", `--metafile=${meta}`, `--outfile=${join(folder, "bundle.js")}`]
  execFileSync(binary("bun"), ["build", file, ...flags], { cwd: folder, stdio: "pipe" })
  const { outputs }: Meta = JSON.parse(readFileSync(meta, "utf8")) // the bundler's own words
  const bytes = new Map<string, number>()
  for (const { inputs } of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const own = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(join(folder, path))?.[1] ?? "app"
      bytes.set(own, (bytes.get(own) ?? 0) + bytesInOutput)
    }
  }
  return bytes
}

interface Meta {
  readonly outputs: Readonly<
    Record<string, { readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>> }>
  >
}

/** The first example of the README. */
export const example = (): string => {
  const [, code] = /^```ts\n(import[\s\S]*?)^```/m.exec(readFileSync(join(root, "README.md"), "utf8")) ?? []
  if (code === undefined) throw new Error("README.md has no example")
  return code
}
