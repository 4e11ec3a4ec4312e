/**
 * Networks of Linux: processes in namespaces of their own, each with two links to this machine that can be cut. What is cut
 * drops packets, and nobody is told; connections that are there when it is mended go on.
 */
import { spawnSync } from "node:child_process"
import process from "node:process"

const run = (command: string): string | undefined => {
  const [program = "", ...args] = command.split(" ")
  const { error, status, stderr } = spawnSync(program, args, { encoding: "utf8" })
  return status === 0 ? undefined : `${command}: ${error?.message ?? stderr.trim()}`
}

const must = (command: string): void => {
  const failed = run(command)
  if (failed !== undefined) throw new Error(failed)
}

/** Why there are no network namespaces here: the system has none, or this user may not make them. */
export const withoutNamespaces = (): string | undefined => {
  const name = `furrow${process.pid}`
  const failed =
    run(`ip netns add ${name}`) ??
    run(`ip link add fw${process.pid}x type bridge`) ??
    run(`ip link add fw${process.pid}y type veth peer name eth0 netns ${name}`) ??
    run("ss -K dst 198.18.0.1")
  run(`ip link del fw${process.pid}x`)
  run(`ip netns del ${name}`)
  return failed
}

/** A place in a network. */
export interface Place {
  /** Its address, for this machine and for other places. */
  readonly address: string
  /** What starts a program there, and becomes it. */
  readonly by: ReadonlyArray<string>
  /** Cuts one of its links, or mends it. */
  readonly freeze: (link: Link, frozen: boolean) => void
  /** Ends the connections to a port of it. */
  readonly cut: (port: number) => void
}

/** What a link is for: each is a network of its own. */
export type Link = "loaders" | "database"

export interface Network {
  /** This machine's address on a link. */
  readonly address: (link: Link) => string
  /** All addresses on a link. */
  readonly addresses: (link: Link) => string
  readonly place: () => Place
  readonly close: () => void
}

/** A network of so many places. Its addresses are of the ranges that are reserved for measuring networks. */
export const network = (): Network => {
  const own = process.pid
  const third = own % 250
  const prefix = { loaders: `198.18.${third}`, database: `198.19.${third}` }
  const bridge = { loaders: `fw${own}a`, database: `fw${own}b` }
  const links = ["loaders", "database"] as const
  for (const link of links) {
    must(`ip link add ${bridge[link]} type bridge`)
    must(`ip addr add ${prefix[link]}.1/24 dev ${bridge[link]}`)
    must(`ip link set ${bridge[link]} up`)
  }
  const names: Array<string> = []
  return {
    address: (link) => `${prefix[link]}.1`,
    addresses: (link) => `${prefix[link]}.0/24`,
    place: () => {
      const name = `furrow${own}-${names.length}`
      const host = 10 + names.length
      must(`ip netns add ${name}`)
      names.push(name)
      must(`ip -n ${name} link set lo up`)
      // Names of interfaces have at most 15 characters.
      const outside = (link: Link): string => `${bridge[link]}${names.indexOf(name)}`
      for (const link of links) {
        must(`ip link add ${outside(link)} type veth peer name ${link} netns ${name}`)
        must(`ip link set ${outside(link)} master ${bridge[link]} up`)
        must(`ip -n ${name} addr add ${prefix[link]}.${host}/24 dev ${link}`)
        must(`ip -n ${name} link set ${link} up`)
      }
      return {
        address: `${prefix.loaders}.${host}`,
        by: ["ip", "netns", "exec", name],
        freeze: (link, frozen) => must(`ip link set ${outside(link)} ${frozen ? "down" : "up"}`),
        cut: (port) => {
          run(`ip netns exec ${name} ss -K sport = :${port}`)
        }
      }
    },
    close: () => {
      for (const name of names) run(`ip netns del ${name}`)
      for (const link of links) run(`ip link del ${bridge[link]}`)
    }
  }
}
