/** Runners as processes of their own, each behind a cable to loaders and one to the database, which can be cut. */
import type { ChildProcess } from "node:child_process"
import { join } from "node:path"
import { freePort, type Postgres, postgres } from "../../support/postgres.ts"
import { root, start } from "../../support/process.ts"
import { type Proxy as Cable, proxy } from "../../support/proxy.ts"

const MODULE = join(root, "test", "cluster", "kills", "numbers.ts")

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })

/** A runner that is killed and started again at one address. */
export class RunnerProcess {
  readonly on: "bun" | "deno"
  readonly #port: number
  /** Between loaders and it; between it and the database. */
  readonly cable: Cable
  readonly databaseCable: Cable | undefined
  readonly #database: string
  #child: ChildProcess | undefined
  #slow: ReturnType<typeof setInterval> | undefined

  private constructor(
    on: "bun" | "deno",
    port: number,
    cable: Cable,
    database: string,
    databaseCable: Cable | undefined
  ) {
    this.on = on
    this.#port = port
    this.cable = cable
    this.#database = database
    this.databaseCable = databaseCable
  }

  static async make(on: "bun" | "deno", folder: string, server: Postgres | undefined): Promise<RunnerProcess> {
    const port = await freePort()
    const cable = await proxy(port)
    if (server === undefined)
      return new RunnerProcess(on, port, cable, `sqlite:${join(folder, "cluster.sqlite")}`, undefined)
    const databaseCable = await proxy(server.port)
    const url = server.url.replace(/127\.0\.0\.1:\d+/, databaseCable.address)
    return new RunnerProcess(on, port, cable, url, databaseCable)
  }

  get isUp(): boolean {
    return this.#child !== undefined
  }

  start(): void {
    if (this.isUp) return
    const args = ["--pipeline", MODULE, "--listen", `127.0.0.1:${this.#port}`, "--advertise", this.cable.address]
    const env = { FURROW_DATABASE: this.#database }
    const { child } = start("runner.ts", [...args, "--heartbeat", "500", "--threads", "1"], { env, on: this.on })
    this.#child = child
    child.once("exit", () => {
      if (this.#child === child) this.#child = undefined
    })
  }

  /** By its number: Deno takes a child for ended that it sends any signal itself. */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      process.kill(pid, signal)
    } catch (error) {
      // It has ended, and its event is on its way.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error
    }
  }

  /** Lets it work for a tenth of the time. */
  slow(isSlow: boolean): void {
    clearInterval(this.#slow)
    this.#slow = undefined
    this.signal("SIGCONT")
    if (!isSlow) return
    this.#slow = setInterval(() => {
      this.signal("SIGCONT")
      setTimeout(() => this.#slow !== undefined && this.signal("SIGSTOP"), 10)
    }, 100)
  }

  /** As if nothing had happened to it. */
  heal(): void {
    this.slow(false)
    this.cable.freeze(false)
    this.databaseCable?.freeze(false)
    this.start()
  }

  async close(): Promise<void> {
    this.slow(false)
    const child = this.#child
    if (child !== undefined) {
      const ended = new Promise((resolve) => child.once("exit", resolve))
      this.signal("SIGKILL")
      await ended
    }
    await Promise.all([this.cable.close(), this.databaseCable?.close()])
  }
}

export interface TestCluster {
  readonly runners: ReadonlyArray<RunnerProcess>
  readonly server: Postgres | undefined
  /** Where loaders read which runners there are. */
  readonly database: string
  readonly close: () => Promise<void>
}

/** Runners that are being started, and their database. */
export const cluster = async (
  kinds: ReadonlyArray<"bun" | "deno">,
  folder: string,
  withPostgres: boolean
): Promise<TestCluster> => {
  const server = withPostgres ? await postgres() : undefined
  const runners: Array<RunnerProcess> = []
  for (const on of kinds) runners.push(await RunnerProcess.make(on, folder, server))
  return {
    runners,
    server,
    database: server?.url ?? `sqlite:${join(folder, "cluster.sqlite")}`,
    close: async () => {
      await Promise.all(runners.map((own) => own.close()))
      await server?.close()
    }
  }
}
