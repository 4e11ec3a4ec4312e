/**
 * Rivals in Python: a process for each, which is told a line when it is its turn, works, and answers with a line. It
 * waits in between, so it can take turns with contestants that live here.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Absent, Contestant } from "../measure.ts"

/** Debian's packages belong to its own Python, which need not be the first one on the path. */
const CANDIDATES = ["python3", "/usr/bin/python3"]

const INSTALL = "apt-get install python3-torch python3-numpy"

/** The Python that has all these modules; or why there is none. */
export const pythonWith = (
  ...modules: ReadonlyArray<string>
): { readonly path: string } | { readonly absent: string } => {
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

/** A script beside this file as a contestant. It answers `{"units": n}` to each line, and ends with its input. */
export const python = (
  name: string,
  script: string,
  modules: ReadonlyArray<string>,
  args: ReadonlyArray<string>
): Contestant | Absent => {
  const own = pythonWith(...modules)
  if ("absent" in own) return { name, absent: own.absent }
  const file = fileURLToPath(new URL(script, import.meta.url))
  let child: ChildProcessWithoutNullStreams | undefined
  let answers: AsyncIterator<string> | undefined
  const answer = async (): Promise<Readonly<Record<string, unknown>>> => {
    const next = await answers?.next()
    if (next === undefined || next.done === true) throw new Error(`${script} ended before it answered`)
    return JSON.parse(next.value) // a line of the script's, which prints objects alone
  }
  return {
    name,
    warmup: 1,
    open: async () => {
      child = spawn(own.path, ["-uB", file, ...args], { stdio: "pipe" })
      child.stderr.pipe(process.stderr)
      answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      await answer()
    },
    run: async () => {
      child?.stdin.write("\n")
      return Number((await answer())["units"])
    },
    close: async () => {
      const ended = new Promise((resolve) => child?.once("close", resolve))
      child?.stdin.end()
      await ended
    }
  }
}
