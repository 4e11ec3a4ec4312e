/** What can happen to a cluster, with its weight; each returns how it is undone, and after how many milliseconds. */
import type { RunnerProcess, TestCluster } from "./Cluster.ts"

export interface Fault {
  readonly name: string
  readonly weight: number
  readonly happen: () => readonly [undo: () => void, after: number]
}

/** The fault that whoever has the loader makes. */
export const LOADER_KILLED =
  "the loader is killed, and goes on from its checkpoint in another process, on the other runtime"

export interface FaultsOptions {
  readonly cluster: TestCluster
  /** The runners to which something happens. */
  readonly runners: ReadonlyArray<RunnerProcess>
  /** A whole number from 0 to below `most`. */
  readonly below: (most: number) => number
  /** How long outages last, in milliseconds. */
  readonly outage: number
  readonly killed: () => void
}

export interface Faults {
  readonly all: ReadonlyArray<Fault>
  /** Once the database is up. */
  readonly settled: () => Promise<unknown>
}

export const faults = ({ below, cluster, killed, outage, runners }: FaultsOptions): Faults => {
  const { hasDisk, server } = cluster
  const any = (): RunnerProcess => runners[below(runners.length)] as RunnerProcess // there are some
  const kill = (runner: RunnerProcess): void => {
    if (!runner.isUp) return
    runner.signal("SIGKILL")
    killed()
  }
  const none = [() => undefined, 0] as const

  let database: Promise<unknown> = Promise.resolve()
  let isDatabaseGone = false
  /** One trouble of the database's at a time. */
  const without = (begin: () => Promise<void> | undefined, end: () => Promise<void> | undefined) => {
    if (isDatabaseGone) return none
    isDatabaseGone = true
    database = database.then(begin)
    const back = (): void => {
      isDatabaseGone = false
      database = database.then(end)
    }
    return [back, outage] as const
  }
  const cutOff = (...from: ReadonlyArray<"loaders" | "database">): Fault["happen"] => {
    return () => {
      const one = any()
      one.cutOff(from, true)
      return [() => one.cutOff(from, false), outage]
    }
  }

  const all: ReadonlyArray<readonly [string, number, Fault["happen"]]> = [
    [
      "a runner is killed",
      6,
      () => {
        const one = any()
        kill(one)
        return [() => one.start(), below(1500)]
      }
    ],
    [
      "a runner is killed, and started late",
      1,
      () => {
        const one = any()
        kill(one)
        return [() => one.start(), outage]
      }
    ],
    [
      "all runners are killed, and started again",
      1,
      () => {
        for (const one of runners) kill(one)
        return [() => runners.forEach((one) => one.start()), below(1000)]
      }
    ],
    [
      "a runner is frozen",
      2,
      () => {
        const one = any()
        one.signal("SIGSTOP")
        return [() => one.signal("SIGCONT"), outage]
      }
    ],
    [
      "a runner is slow by 10 times",
      2,
      () => {
        const one = any()
        one.slow(true)
        return [() => one.slow(false), outage]
      }
    ],
    [
      "connections to a runner break",
      2,
      () => {
        any().disconnect()
        return none
      }
    ],
    ["a runner is cut off from loaders", 2, cutOff("loaders")],
    ["a runner is cut off from the database", 1, cutOff("database")],
    ["a runner is cut off from the database and from loaders", 1, cutOff("database", "loaders")],
    [
      "the database is gone, and restarted",
      server === undefined ? 0 : 1,
      () =>
        without(
          () => server?.stop(),
          () => server?.start()
        )
    ],
    [
      "the disk of the database is full",
      hasDisk ? 1 : 0,
      () =>
        without(
          () => server?.fill(true),
          () => server?.fill(false)
        )
    ],
    [LOADER_KILLED, 2, () => none]
  ]
  return {
    all: all.map(([name, weight, happen]) => ({ name, weight, happen })),
    settled: () => database
  }
}
