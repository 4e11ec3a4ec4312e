/** The workers of a loader whose runners are on a simulated network, and are all listed. */
import { Duration, Layer, Stream } from "effect"
import * as RunnerPool from "../../../src/cluster/RunnerPool.ts"
import { ownerOf, type Service } from "../../../src/cluster/Runners.ts"
import { Workers } from "../../../src/index.ts"
import type { Config } from "../numbers.ts"
import type { Network } from "./Network.ts"
import { QUICK, type SimulatedRunner } from "./SimulatedRunner.ts"

export interface WorkersOfOptions {
  readonly config?: Config
  readonly restarts?: number
  readonly wait?: Duration.DurationInput
  /** How long a runner may load. Default 5 seconds. */
  readonly loading?: Duration.DurationInput
  /** After how many milliseconds another runner is asked. Default: never. */
  readonly hedge?: number
}

export const workersOf = (
  network: Network,
  runners: ReadonlyArray<SimulatedRunner>,
  module: string,
  { config = {}, hedge, loading = "5 seconds", restarts = 1, wait = "10 seconds" }: WorkersOfOptions = {}
): Layer.Layer<Workers.Workers> => {
  const infos = runners.map(({ info }) => info)
  const service: Service = {
    changes: Stream.concat(Stream.make(infos), Stream.never),
    owner: (lane, lanes) => ownerOf(infos, lane, lanes)?.id
  }
  const options: RunnerPool.RunnerPoolOptions = {
    runners: service,
    dial: network.dial,
    timing: QUICK,
    module,
    code: undefined,
    name: "pipeline",
    config,
    restarts,
    timeout: undefined,
    hedge,
    silence: 10_000,
    compression: "none",
    loading: Duration.decode(loading),
    wait: Duration.decode(wait),
    prefetchBytes: 2 ** 20,
    token: undefined
  }
  return Layer.succeed(Workers.Workers, {
    count: 1,
    backend: { name: "cluster", prefetch: 4, open: (plan, settings) => RunnerPool.open(plan, settings, options) }
  })
}
