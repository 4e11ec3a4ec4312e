/** How the runtime that is at work starts another program of ours. */
import { fileURLToPath } from "node:url"
import { runtime } from "../../src/core/runtime.ts"

const ARGS = {
  bun: [],
  deno: ["run", "-A", "--no-check"],
  node: []
} as const

/** The arguments after `process.execPath` for the module at `url`, with options of the engine's before it. */
export const programArgs = (url: URL, engine: ReadonlyArray<string> = []): ReadonlyArray<string> => {
  const flags = runtime.name === "deno" && engine.length > 0 ? [`--v8-flags=${engine.join(",")}`] : []
  return [...ARGS[runtime.name], ...flags, fileURLToPath(url)]
}
