/** What the package weighs: the time that its import takes in a fresh process, and its bytes in a bundle. */
import { spawnSync } from "node:child_process"
import { type Built, built, bundled, example } from "../Built.ts"
import { median } from "../measure.ts"
import type { Figure, Outcome, Request, Row } from "../Row.ts"
import { programArgs } from "../runtimes.ts"

/** What a fresh process took to import modules, in ms. */
const imported = (modules: ReadonlyArray<string>): number => {
  const program = programArgs(new URL("../probes/importing.ts", import.meta.url))
  const { status, stderr, stdout } = spawnSync(process.execPath, [...program, ...modules], { encoding: "utf8" })
  if (status !== 0) throw new Error(`its process ended with ${status}: ${stderr.trim().split("\n").at(-1)}`)
  return Number(stdout)
}

const imports = ({ effect, entry }: Built, { rounds, wants }: Request): ReadonlyArray<Figure> => {
  const wanted = (
    [
      ["import", [entry], { most: 80 }, "of the built package, in a fresh process"],
      ["import source", [new URL("../../../src/index.ts", import.meta.url).href], undefined, "of src/index.ts"],
      ["import effect", effect, undefined, "of the modules of Effect that the package imports, which are part of it"]
    ] as const
  ).filter(([key]) => wants(key))
  const times = new Map<string, Array<number>>(wanted.map(([key]) => [key, []]))
  // The first round fills the caches of the system.
  for (let round = -1; round < rounds; round++) {
    for (const [key, modules] of wanted) {
      const own = imported(modules)
      if (round >= 0) times.get(key)?.push(own)
    }
  }
  return wanted.map(([key, , goal, note]) => ({
    key,
    value: median(times.get(key) ?? []),
    unit: "ms",
    note,
    ...(goal === undefined ? {} : { goal })
  }))
}

const bundle = (own: Built): Figure => {
  const bytes = bundled(own, example())
  const effect = (bytes.get("effect") ?? 0) + (bytes.get("@effect/schema") ?? 0)
  const all = Array.from(bytes.values()).reduce((sum, one) => sum + one, 0)
  const note = `the README's first example, bundled and minified, above Effect's ${Math.round(effect / 1000)} KB`
  return { key: "bundle", value: (all - effect) / 1000, unit: "KB", goal: { most: 60 }, note }
}

const run = async (request: Request): Promise<Outcome> => {
  const own = built()
  try {
    return { charts: [], figures: [...imports(own, request), ...(request.wants("bundle") ? [bundle(own)] : [])] }
  } finally {
    own.remove()
  }
}

export const weight: Row = {
  title: "Weight",
  keys: ["import", "import source", "import effect", "bundle"],
  run
}
