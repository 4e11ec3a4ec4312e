/**
 * `bun run test:install`: what the packed file comes to when npm, Bun and Deno themselves install it by its name, alone,
 * beside Effect 3 with sharp, and beside npm's default of today, Effect 4. Not in `bun run test`, since it needs the npm
 * registry; a registry of its own serves Furrow and redirects all other requests there.
 */
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { binary, root, tarball } from "../support/app.ts"
import { examples } from "../support/examples.ts"

const { name, version, ...manifest } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const file = readFileSync(tarball())

interface Outcome {
  readonly status: number | null
  readonly output: string
}

const run = (cwd: string, command: string, args: ReadonlyArray<string>, env: object = {}): Promise<Outcome> =>
  new Promise((resolve) => {
    const own = { ...process.env, NO_COLOR: "1", ...env }
    const child = spawn(command, args, { cwd, env: own, stdio: ["ignore", "pipe", "pipe"], timeout: 300_000 })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        output += data
      })
    }
    child.on("close", (status) => resolve({ status, output: output.trim() }))
  })

const upstream = (await run(root, "npm", ["config", "get", "registry"])).output
const server = createServer(({ url = "/" }, response) => {
  if (url === `/${name}`) {
    const { port } = server.address() as { readonly port: number } // it listens on a port
    const integrity = `sha512-${createHash("sha512").update(file).digest("base64")}`
    const dist = { tarball: `http://localhost:${port}/${name}/-/${name}-${version}.tgz`, integrity }
    const versions = { [version]: { name, version, ...manifest, dist } }
    response.setHeader("content-type", "application/json")
    response.end(
      JSON.stringify({
        name,
        "dist-tags": { latest: version },
        versions,
        time: { [version]: "2020-01-01T00:00:00.000Z" }
      })
    )
  } else if (url.startsWith(`/${name}/-/`)) response.end(file)
  else response.writeHead(302, { location: new URL(url, upstream).href }).end()
})
await new Promise<void>((resolve) => server.listen(0, resolve))
const { port } = server.address() as { readonly port: number } // as above
const registry = `http://localhost:${port}/`
// Caches of its own: another build of the same version may lie in the usual ones.
const caches = mkdtempSync(join(tmpdir(), "furrow-caches-"))
const environment = {
  NPM_CONFIG_REGISTRY: registry,
  npm_config_cache: join(caches, "npm"),
  BUN_INSTALL_CACHE_DIR: join(caches, "bun"),
  DENO_DIR: join(caches, "deno")
}

/** How each adds packages to the folder that it is in. */
const installers = {
  npm: (packages: ReadonlyArray<string>) => ["npm", "install", "--no-audit", "--no-fund", ...packages],
  bun: (packages: ReadonlyArray<string>) => [binary("bun"), "add", ...packages],
  deno: (packages: ReadonlyArray<string>) => [binary("deno"), "add", "--quiet", ...packages.map((one) => `npm:${one}`)],
  // No node_modules: Deno's own cache.
  "deno, no node_modules": (packages: ReadonlyArray<string>) => installers.deno(packages)
} as const

const beside: Readonly<Record<string, ReadonlyArray<string>>> = {
  alone: [],
  "beside Effect 3": ["effect@3", "sharp"],
  "beside Effect 4": ["effect@latest"]
}

const PLAIN = `
import { Dataset, furrow, Pipeline, Sampler } from "furrow"

const pipeline = Pipeline.from(Dataset.range(1000)).pipe(
  Pipeline.sample(Sampler.shuffle),
  Pipeline.augment("jitter", (x, rng) => x + rng.uniform(-0.5, 0.5)),
  Pipeline.batch(32)
)
const run = furrow(pipeline, { seed: 42, workers: 2, epochs: 1 })
let rows = 0
for await (const batch of run) rows += batch.size
console.log(rows)
`

const PHOTOS = `
import { Effect } from "effect"
import { Decode } from "furrow"

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
const image = await Effect.runPromise(Decode.image()(Uint8Array.from(atob(png), (text) => text.charCodeAt(0))))
console.log(image.shape.join())
`

/** What each program prints when it is right. */
const EXPECTED: Readonly<Record<string, string>> = {
  "plain.mjs": "1000",
  "first.mjs": "",
  "effect.mjs": "",
  "photos.mjs": "1,1,3"
}

/** The copies of `effect` in a folder, which may be reached by several links. */
const versions = (folder: string): string => {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => /(^|\/)node_modules\/effect\/package\.json$/.test(path))
    .map((path) => realpathSync(join(folder, path)))
  return Array.from(new Set(files), (path) => JSON.parse(readFileSync(path, "utf8")).version)
    .toSorted()
    .join(" and ")
}

let failed = 0
for (const [title, packages] of Object.entries(beside)) {
  for (const [installer, command] of Object.entries(installers)) {
    const app = mkdtempSync(join(tmpdir(), "furrow-install-"))
    writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", type: "module" }))
    if (installer === "deno") writeFileSync(join(app, "deno.json"), '{ "nodeModulesDir": "auto" }')
    if (installer === "deno, no node_modules") writeFileSync(join(app, "deno.json"), '{ "nodeModulesDir": "none" }')
    writeFileSync(join(app, "plain.mjs"), PLAIN)
    writeFileSync(join(app, "photos.mjs"), PHOTOS)
    writeFileSync(join(app, "first.mjs"), examples()[0]?.code ?? "")
    writeFileSync(join(app, "effect.mjs"), examples()[1]?.code ?? "")
    const [program = "", ...args] = command([...packages, name])
    const { output, status } = await run(app, program, args, environment)
    const outcomes = [status === 0 ? "installed" : `INSTALL FAILED: ${output}`]
    const runtimes = installer.startsWith("deno") ? ["deno"] : ["node", "bun", "deno"]
    // It imports Effect 3, which Deno gives to those who declare it only.
    const effect = title === "beside Effect 3" || (title === "alone" && !installer.startsWith("deno"))
    for (const runtime of runtimes) {
      for (const file of [
        "plain.mjs",
        "first.mjs",
        ...(effect ? ["effect.mjs"] : []),
        ...(title === "beside Effect 3" ? ["photos.mjs"] : [])
      ]) {
        const args = runtime === "deno" ? ["run", "-A", "--no-check", file] : [file]
        const own = await run(app, runtime === "node" ? "node" : binary(runtime), args, environment)
        const right = own.status === 0 && own.output === EXPECTED[file]
        outcomes.push(right ? `${runtime} ${file} ok` : `${runtime} ${file} FAILED: ${own.output}`)
      }
    }
    failed += outcomes.filter((outcome) => outcome.includes("FAILED")).length
    console.log(`${title}, ${installer}: ${outcomes.join(", ")}; effect ${versions(app)}`)
    rmSync(app, { recursive: true, force: true })
  }
}
server.close()
rmSync(caches, { recursive: true, force: true })
console.log(`${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
