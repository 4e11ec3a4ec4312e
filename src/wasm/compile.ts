/**
 * `bun run build:kernels`: compiles the kernels in `src/wasm/assembly` and writes them to `src/wasm/binary.ts`, as
 * text within a module. A file of their own would be left behind by bundlers.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { main } from "assemblyscript/asc"

const folder = new URL("./assembly/", import.meta.url)

/** The WebAssembly module that the sources compile to. */
export const compile = async (): Promise<Uint8Array> => {
  const files: Array<Uint8Array> = []
  const { error, stderr } = await main(["--config", "asconfig.json", "--baseDir", fileURLToPath(folder)], {
    readFile: (name, base) => {
      try {
        return readFileSync(new URL(name, new URL(`file://${base}/`)), "utf8")
      } catch {
        return null
      }
    },
    writeFile: (_, contents) => {
      files.push(typeof contents === "string" ? new TextEncoder().encode(contents) : contents)
    },
    listFiles: () => null
  })
  const [binary] = files
  const warnings = stderr.toString()
  if (error !== null || warnings !== "" || binary === undefined) throw new Error(`${error ?? ""}${warnings}`)
  return binary
}

if (import.meta.main) {
  const text = Buffer.from(await compile()).toString("base64")
  const module = `/**
 * The kernels' WebAssembly module in base64, written by \`bun run build:kernels\` from the sources in \`assembly/\`.
 *
 * @since 0.1.0
 */
export const binary =
  "${text}"
`
  writeFileSync(new URL("./binary.ts", import.meta.url), module)
}
