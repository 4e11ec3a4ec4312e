/** Runners as processes of their own, each with a cable to loaders and one to the database, which can be cut. */
import type { ChildProcess } from "node:child_process"
import { join } from "node:path"
import { type Network, network, withoutNamespaces } from "../../support/namespaces.ts"
import { freePort, type Postgres, postgres, withoutDisk, withoutPostgres } from "../../support/postgres.ts"
import { root, start } from "../../support/process.ts"
import { proxy } from "../../support/proxy.ts"

const folderOf = join(root, "test", "cluster", "kills")

/** What loaders show to runners that others can reach. */
export const TOKEN = "a token that no output may have"

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds)
  })

/** A way to a runner that can be cut. */
interface Cable {
  /** Nothing passes any more, and nobody is told; or it does again. */
  readonly freeze: (frozen: boolean) => void
  /** Ends all its connections. */
  readonly cut: () => void
}

/** Where a runner is: in a namespace of its own, or behind proxies. */
interface Site {
  /** Where it listens, and where loaders reach it. */
  readonly listen: string
  readonly address: string
  readonly cable: Cable
  readonly database: string
  readonly databaseCable: Cable | undefined
  readonly by: ReadonlyArray<string>
  readonly close: () => Promise<unknown>
}

interface Sites {
  readonly folder: string
  readonly server: Postgres | undefined
  readonly network: Network | undefined
}

const inNamespace = (server: Postgres, network: Network, port: number): Site => {
  const { address, by, cut, freeze } = network.place()
  const at = `${address}:${port}`
  return {
    listen: at,
    address: at,
    by,
    cable: { freeze: (frozen) => freeze("loaders", frozen), cut: () => cut(port) },
    database: server.url.replace("127.0.0.1", network.address("database")),
    databaseCable: { freeze: (frozen) => freeze("database", frozen), cut: () => undefined },
    close: () => Promise.resolve()
  }
}

const behindProxies = async ({ folder, network, server }: Sites, port: number): Promise<Site> => {
  // Other runners look whether it is there, from their namespaces, too.
  const cable = await proxy(port, network?.address("loaders"))
  const databaseCable = server === undefined ? undefined : await proxy(server.port)
  const url = server?.url.replace(/127\.0\.0\.1:\d+/, databaseCable?.address ?? "")
  return {
    listen: `127.0.0.1:${port}`,
    address: cable.address,
    by: [],
    // What was under way is lost with what was frozen.
    cable: {
      freeze: (frozen) => {
        cable.freeze(frozen)
        if (!frozen) cable.cut()
      },
      cut: cable.cut
    },
    database: url ?? `sqlite:${join(folder, "cluster.sqlite")}`,
    databaseCable:
      databaseCable === undefined
        ? undefined
        : {
            freeze: (frozen) => {
              databaseCable.freeze(frozen)
              if (!frozen) databaseCable.cut()
            },
            cut: databaseCable.cut
          },
    close: () => Promise.all([cable.close(), databaseCable?.close()])
  }
}

/** What a runner is like. */
export interface RunnerKind {
  readonly on: "bun" | "deno"
  /** By how many milliseconds its clock is wrong. */
  readonly skew?: number
  /** Whether it has another pipeline under the same name. */
  readonly isOther?: boolean
  /** Whether it is behind proxies, whatever else there is. */
  readonly isProxied?: boolean
}

/** A runner that is killed and started again at one address. */
export class RunnerProcess {
  readonly kind: RunnerKind
  readonly #site: Site
  #child: ChildProcess | undefined
  #slow: ReturnType<typeof setInterval> | undefined
  #isFrozen = new Set<Cable>()

  private constructor(kind: RunnerKind, site: Site) {
    this.kind = kind
    this.#site = site
  }

  static async make(kind: RunnerKind, sites: Sites): Promise<RunnerProcess> {
    const { network, server } = sites
    const port = await freePort()
    const site =
      network === undefined || server === undefined || kind.isProxied === true
        ? await behindProxies(sites, port)
        : inNamespace(server, network, port)
    return new RunnerProcess(kind, site)
  }

  get isUp(): boolean {
    return this.#child !== undefined
  }

  start(): void {
    if (this.isUp) return
    const { address, by, database, listen } = this.#site
    const { isOther = false, on, skew = 0 } = this.kind
    const module = join(folderOf, isOther ? "other" : "", "numbers.ts")
    const args = ["--pipeline", module, "--listen", listen, "--advertise", address]
    const env = { FURROW_DATABASE: database, FURROW_TOKEN: TOKEN, SKEW: String(skew) }
    const preload = skew === 0 ? undefined : join(folderOf, "skew.ts")
    const all = [...args, "--heartbeat", "500", "--threads", "1"]
    const { child } = start("runner.ts", all, { by, env, on, preload })
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

  /** Cuts it off from loaders, from the database, or from both; or mends that. */
  cutOff(from: ReadonlyArray<"loaders" | "database">, isCut: boolean): void {
    for (const each of from) {
      const cable = each === "loaders" ? this.#site.cable : this.#site.databaseCable
      if (cable === undefined || this.#isFrozen.has(cable) === isCut) continue
      if (isCut) this.#isFrozen.add(cable)
      else this.#isFrozen.delete(cable)
      cable.freeze(isCut)
    }
  }

  /** Ends its loaders' connections. */
  disconnect(): void {
    this.#site.cable.cut()
  }

  /** As if nothing had happened to it. */
  heal(): void {
    this.slow(false)
    this.cutOff(["loaders", "database"], false)
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
    await this.#site.close()
  }
}

export interface TestCluster {
  readonly runners: ReadonlyArray<RunnerProcess>
  readonly server: Postgres | undefined
  /** Where loaders read which runners there are. */
  readonly database: string
  /** What is missing of a whole cluster, and why. */
  readonly lacks: ReadonlyArray<string>
  /** Whether the database has a disk that can be filled. */
  readonly hasDisk: boolean
  readonly close: () => Promise<void>
}

/** How many megabytes the disk of the database has; it needs about 40. */
const DISK = 96

/** Runners that are to be started, and their database. */
export const cluster = async (kinds: ReadonlyArray<RunnerKind>, folder: string): Promise<TestCluster> => {
  const noServer = withoutPostgres
  const noDisk = noServer === undefined ? withoutDisk() : "there is no PostgreSQL"
  const noNetwork = noServer === undefined ? withoutNamespaces() : "there is no PostgreSQL"
  const net = noNetwork === undefined ? network() : undefined
  const options = {
    ...(net === undefined ? {} : { also: { addresses: [net.address("database")], from: [net.addresses("database")] } }),
    ...(noDisk === undefined ? { megabytes: DISK } : {})
  }
  const server = noServer === undefined ? await postgres(options) : undefined
  const runners: Array<RunnerProcess> = []
  for (const kind of kinds) runners.push(await RunnerProcess.make(kind, { folder, server, network: net }))
  return {
    runners,
    server,
    hasDisk: noDisk === undefined,
    database: server?.url ?? `sqlite:${join(folder, "cluster.sqlite")}`,
    lacks: [
      ...(noServer === undefined ? [] : [`SQLite and not PostgreSQL: ${noServer}`]),
      ...(noDisk === undefined ? [] : [`no disk that is full: ${noDisk}`]),
      ...(noNetwork === undefined ? [] : [`proxies and no network namespaces: ${noNetwork}`])
    ],
    close: async () => {
      await Promise.all(runners.map((own) => own.close()))
      try {
        await server?.close()
      } finally {
        net?.close()
      }
    }
  }
}
