/**
 * What builds the batches of a training: fibers, threads, or the runners of a cluster.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import { type Scheduler, Workers } from "../../src/index.ts"
import { databaseFrom } from "../cli/Cluster.ts"
import { tokenIn } from "../cli/Token.ts"
import type { Split } from "./Digits.ts"
import type { Source } from "./Threaded.ts"

interface Flags {
  readonly backend: "fibers" | "threads" | "auto" | "cluster"
  readonly workers: number
  readonly batchSize: number
  readonly limit: Option.Option<number>
  readonly data: Option.Option<string>
  readonly runners: Option.Option<ReadonlyArray<{ readonly host: string; readonly port: number }>>
  readonly database: Option.Option<Redacted.Redacted>
  readonly wait: number
}

/** The backend failed, in the words of the command line. */
class BackendFailed extends Data.TaggedError("BackendFailed")<{ readonly message: string }> {}

/** Names `--wait` in an error of a backend. */
export const failed = ({ message }: Scheduler.BackendError): BackendFailed =>
  new BackendFailed({ message: message.replace("the option `wait`", "--wait") })

/** The workers that the flags name. `split` is what splits the packaged digits. */
export const workersFrom = (flags: Flags, data: Split, split: string) => {
  const { backend, workers } = flags
  if (backend === "fibers") return Workers.fibers({ workers })
  const source = { batchSize: flags.batchSize, limit: Option.getOrUndefined(flags.limit), split }
  const pipeline = import.meta.resolve("./Threaded.ts")
  if (backend !== "cluster") {
    // Digits that are read already, or the folder that they were read from.
    const config: Source = { ...source, data: data.columns ?? Option.getOrThrow(flags.data) }
    return Workers[backend]({ workers, pipeline, config })
  }
  const config: Source = { ...source, data: Option.getOrUndefined(flags.data) }
  return Layer.unwrapEffect(
    Effect.gen(function* () {
      // Only here: whoever trains without a cluster does not wait for it to load.
      const { Runners, Workers: cluster } = yield* Effect.promise(() => import("../../src/cluster.ts"))
      const own = yield* tokenIn("FURROW_TOKEN")
      const list = Option.isSome(flags.runners)
        ? Runners.list(flags.runners.value)
        : Runners.database(yield* databaseFrom(flags.database))
      return cluster
        .cluster({
          workers,
          pipeline,
          config,
          wait: Duration.seconds(flags.wait),
          ...Option.match(own, { onNone: () => ({}), onSome: (token) => ({ token }) })
        })
        .pipe(Layer.provide(list))
    })
  )
}
