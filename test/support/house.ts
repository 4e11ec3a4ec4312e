/**
 * The house as it stands: the rooms of `src/` on their floors, and the imports of every file, types included.
 */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { type Arrow, picture, type Room } from "./picture.ts"

const root = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), "src")

/** The rooms from top to bottom, each with what it is for. A file may import from its own room and from those on lower floors. */
export const FLOORS: ReadonlyArray<ReadonlyArray<Room>> = [
  [{ name: "doors", says: "index, furrow, testing, service, cluster, thread" }],
  [{ name: "cluster", says: "batches built on other hosts" }],
  [
    { name: "service", says: "batches for other processes" },
    { name: "checkpoint", says: "loader and model, kept as one" },
    { name: "sinks", says: "samples written to shards" },
    { name: "audit", says: "repeated states, found" },
    { name: "parity", says: "NumPy, PyTorch, CPython, draw for draw" }
  ],
  [{ name: "scheduler/loader", says: "open runs: order, cursor, digest, profile" }],
  [{ name: "scheduler/backends", says: "where batches are built: fibers, threads" }],
  [{ name: "scheduler/build", says: "how one batch is built: plain code" }],
  [{ name: "scheduler/plan", says: "which samples form a batch: pure" }],
  [{ name: "image", says: "image stages and files" }],
  [{ name: "pipeline", says: "Pipeline, Stage, Batch" }],
  [{ name: "sampling", says: "orders of an epoch" }],
  [{ name: "sources", says: "datasets and views" }],
  [{ name: "seeding", says: "coordinates to seeds" }],
  [{ name: "patches", says: "globals, Effect's inside" }],
  [{ name: "random", says: "generators, distributions" }],
  [{ name: "wasm", says: "kernels and their memory" }],
  [{ name: "core", says: "tensors, options, runtimes" }]
]

/** A file of `src/`. */
export interface Source {
  readonly file: string
  /** Without block comments, whose examples import, too. */
  readonly code: string
  readonly lines: number
  /** Files of `src/` that it imports, types included. */
  readonly imports: ReadonlyArray<string>
  /** Those that it loads while it runs. */
  readonly dynamic: ReadonlyArray<string>
}

const read = (file: string): Source => {
  const text = readFileSync(join(root, file), "utf8")
  const code = text.replaceAll(/^ *\/\*\*[\s\S]*?\*\//gm, "")
  const found = (pattern: RegExp): ReadonlyArray<string> =>
    Array.from(code.matchAll(pattern), ([, path = ""]) => normalize(join(dirname(file), path)))
  return {
    file,
    code,
    lines: text.split("\n").length - 1,
    imports: [
      ...found(/^(?:import|export)\s(?:[^"';]*?\sfrom\s)?"(\.[^"]+)"/gm),
      ...found(/\btypeof import\("(\.[^"]+)"\)/g)
    ],
    dynamic: [...found(/(?<!typeof )\bimport\("(\.[^"]+)"\)/g), ...found(/\bnew URL\([`"](\.[^"`$]+\.ts)["`]/g)]
  }
}

/** All files of `src/`. */
export const sources = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((file) => relative(".", file))
  .filter((file) => file.endsWith(".ts") && !file.startsWith("wasm/assembly/"))
  .toSorted()
  .map(read)

/** The room that a file is in. */
export const roomOf = (file: string): string => {
  const [first = "", second = ""] = file.split("/")
  if (second === "" || first === "furrow" || first === "testing") return "doors"
  if (first !== "scheduler") return first
  return second.endsWith(".ts") ? "scheduler/loader" : `scheduler/${second}`
}

/** The floor that its room is on, from the top. */
export const floorOf = (file: string): number => {
  const floor = FLOORS.findIndex((rooms) => rooms.some(({ name }) => name === roomOf(file)))
  if (floor === -1) throw new Error(`${file} is in no room of the house: add the room to FLOORS, or move the file`)
  return floor
}

/** The picture of docs/architecture.md. */
export const drawn = (): string => {
  const arrows = new Map<string, Arrow>()
  for (const { file, imports } of sources) {
    for (const path of imports) {
      const arrow = [roomOf(file), roomOf(path)] as const
      if (arrow[0] !== arrow[1]) arrows.set(arrow.join(" "), arrow)
    }
  }
  return picture(FLOORS, Array.from(arrows.values()))
}
