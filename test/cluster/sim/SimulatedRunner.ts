/** A runner on a simulated network: what `Runner.listen` makes, its sessions, without a port. */
import { Effect, Exit, Scope } from "effect"
import * as FiberBuilders from "../../../src/cluster/FiberBuilders.ts"
import type { RunnerInfo } from "../../../src/cluster/Runners.ts"
import { type Serving, Session } from "../../../src/cluster/Session.ts"
import type { Timing } from "../../../src/cluster/Timing.ts"
import type { Host, Network } from "./Network.ts"

/** Times that fit a network of memory; signs of life are counted, so a slow machine makes nobody silent. */
export const QUICK: Timing = {
  beat: 10,
  look: 5,
  answer: 60,
  opening: 2000,
  loaderSilence: 400,
  rest: { first: 2, longest: 20, refused: 100 }
}

export class SimulatedRunner {
  readonly port: number
  readonly host: Host
  #module: string
  #timing: Timing
  readonly #builders: Serving["builders"]
  #starts = 0
  #scope: Scope.CloseableScope | undefined
  #serving: Serving | undefined

  constructor(
    network: Network,
    port: number,
    module: string,
    timing: Timing = QUICK,
    builders: Serving["builders"] = FiberBuilders.make
  ) {
    this.port = port
    this.host = network.host(port)
    this.#module = module
    this.#timing = timing
    this.#builders = builders
  }

  get info(): RunnerInfo {
    return { id: `${this.port}/${this.#starts}`, host: "memory", port: this.port, threads: 1 }
  }

  get isUp(): boolean {
    return this.#scope !== undefined
  }

  /** How many loaders it serves. */
  get sessions(): number {
    return this.#serving?.sessions.size ?? 0
  }

  start(): void {
    if (this.isUp) return
    this.#starts++
    const scope = Effect.runSync(Scope.make())
    const serving: Serving = {
      id: this.info.id,
      threads: 0,
      connections: 64,
      timing: this.#timing,
      builders: this.#builders,
      admits: () => true,
      moduleOf: () => this.#module,
      sessions: new Set(),
      isDraining: false
    }
    this.#scope = scope
    this.#serving = serving
    this.host.accept = (end) => {
      Effect.runFork(Effect.interruptible(Session.serve(serving, end)), { scope })
    }
  }

  /** It is gone, with all its connections and what it was at. */
  kill(): Promise<void> {
    const scope = this.#scope
    if (scope === undefined) return Promise.resolve()
    this.#scope = undefined
    this.host.accept = undefined
    this.host.break()
    return Effect.runPromise(Scope.close(scope, Exit.void))
  }

  /** Takes no more loaders; those that it has leave with what they asked for. */
  drain(): void {
    const serving = this.#serving
    if (serving === undefined) return
    serving.isDraining = true
    for (const session of serving.sessions) session.drain()
  }
}
