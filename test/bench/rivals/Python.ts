/** Rivals in Python, each in a process of its own. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Absent, Contestant } from "../measure.ts"
import { inProcess } from "./Process.ts"

/** Debian's packages belong to its own Python, which need not be the first one on the path. */
const CANDIDATES = ["python3", "/usr/bin/python3"]

const INSTALL = "apt-get install python3-torch python3-numpy"

type Found = { readonly path: string } | { readonly absent: string }

/** An import of torch takes seconds. */
const looked = new Map<string, Found>()

/** The Python that has all these modules; or why there is none. */
export const pythonWith = (modules: ReadonlyArray<string>): Found => {
  const key = modules.join(" ")
  const own = looked.get(key) ?? look(modules)
  looked.set(key, own)
  return own
}

const look = (modules: ReadonlyArray<string>): Found => {
  let reason = "there is no python3 on this machine"
  for (const path of [process.env["FURROW_BENCH_PYTHON"], ...CANDIDATES]) {
    if (path === undefined) continue
    const tried = spawnSync(path, ["-c", `import ${modules.join(", ")}`], { encoding: "utf8" })
    if (tried.status === 0) return { path }
    const last = tried.stderr?.trim().split("\n").at(-1)
    if (tried.error === undefined && last) reason = `${path} says ${last}`
  }
  return { absent: `${reason}; on Debian: ${INSTALL}` }
}

/** A script beside this file as a contestant. */
export const python = (
  name: string,
  script: string,
  modules: ReadonlyArray<string>,
  args: ReadonlyArray<string>
): Contestant | Absent => {
  const own = pythonWith(modules)
  if ("absent" in own) return { name, absent: own.absent }
  // Unbuffered, and without leaving compiled files beside the script.
  return inProcess(name, own.path, ["-uB", fileURLToPath(new URL(script, import.meta.url)), ...args])
}
