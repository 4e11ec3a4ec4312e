/**
 * The packed file reads every reference file on Bun, Deno and Node as the sources do, with the optional packages installed; and
 * says what to install where they are not.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { runtime } from "../../src/core/runtime.ts"
import * as Furrow from "../../src/index.ts"
import { installed, RUNTIMES, root, run, versionOf } from "../support/app.ts"
import { shardHashes } from "../support/shardHashes.ts"

const folder = join(root, "test", "sources", "formats", "reference")
const files = readdirSync(folder).filter((name) => !name.endsWith(".json"))

const PROGRAM = `
import { createHash } from "node:crypto"
import { Effect } from "effect"
import * as Furrow from "furrow"
import { shardHashes } from "./hashes.mjs"

const hash = (text) => createHash("sha256").update(text).digest("hex")
const files = process.env.FILES.split(" ")
console.log(JSON.stringify(await shardHashes(Furrow, Effect, process.env.FOLDER, files, hash)))
`

const TIME = 120_000

// It runs all runtimes itself, so once is enough; and it is Bun that packs and installs.
describe.skipIf(runtime.name !== "bun")("formats of the packed file", () => {
  const folders: Array<string> = []
  const app = (dependencies: Readonly<Record<string, string>>): string => {
    const own = installed(dependencies)
    folders.push(own)
    const hashes = readFileSync(join(root, "test", "support", "shardHashes.ts"), "utf8")
    writeFileSync(join(own, "hashes.mjs"), new Bun.Transpiler({ loader: "ts" }).transformSync(hashes))
    writeFileSync(join(own, "formats.mjs"), PROGRAM)
    return own
  }
  const found = (own: string, name: (typeof RUNTIMES)[number], names: ReadonlyArray<string>): unknown => {
    const { status, stderr, stdout } = run(own, name, "formats.mjs", { FOLDER: folder, FILES: names.join(" ") })
    if (status !== 0) throw new Error(`${name}: ${stderr}`)
    return JSON.parse(stdout)
  }

  afterAll(() => {
    for (const own of folders) rmSync(own, { recursive: true, force: true })
  })

  test(
    "reads every reference file on every runtime as the sources do",
    async () => {
      const hash = (text: string): string => createHash("sha256").update(text).digest("hex")
      const expected = await shardHashes(Furrow, Effect, folder, files, hash)
      expect(Object.entries(expected).filter(([, own]) => !/^\d+ rows [0-9a-f]{64}$/.test(own))).toEqual([])
      const own = app({ fzstd: versionOf("fzstd"), "parquet-wasm": versionOf("parquet-wasm") })
      for (const name of RUNTIMES) expect([name, found(own, name, files)]).toEqual([name, expected])
    },
    TIME
  )

  test(
    "says what to install where an optional package is missing, and reads the other files",
    () => {
      const own = app({})
      for (const name of RUNTIMES) {
        const {
          "all-zstd.arrow": arrow,
          "all-zstd.parquet": parquet,
          "rows.jsonl": jsonl,
          "rows.jsonl.zst": zst
        } = Object(found(own, name, ["rows.jsonl", "all-zstd.parquet", "all-zstd.arrow", "rows.jsonl.zst"]))
        const install = { bun: "bun add ", deno: "deno add npm:", node: "npm install " }[name]
        expect(parquet).toContain(
          `the package parquet-wasm, which decodes Parquet, cannot be loaded; install it: ${install}parquet-wasm`
        )
        expect(jsonl).toMatch(/^\d+ rows /)
        for (const own of [arrow, zst]) {
          // Node 20 has no zstd of its own.
          if (/^\d+ rows /.test(own)) continue
          expect([name, own]).toEqual(["node", expect.stringContaining(`install it: ${install}fzstd`)])
        }
      }
    },
    TIME
  )
})
