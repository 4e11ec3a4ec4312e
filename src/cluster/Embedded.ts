/**
 * Runners in this process, for tests and first tries: all that a cluster does, without another process or a database.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { whole } from "../core/Check.ts"
import { checked, type InvalidOption } from "../core/InvalidOption.ts"
import { type Names, optionsOf } from "../core/Options.ts"
import { type ListenError, type ListenOptions, listen } from "./Runner.ts"
import { ownerOf, Runners } from "./Runners.ts"

/** Options of {@link embedded}. @category options @since 0.1.0 */
export interface EmbeddedOptions extends Pick<ListenOptions, "pipelines" | "threads" | "loading"> {
  /** How many. Default 1. */
  readonly runners?: number
}

const NAMES: Names<EmbeddedOptions> = { pipelines: "own", threads: true, loading: true, runners: true }

/**
 * So many runners in this process, each at a free port of loopback, for as long as the layer's scope is open. `threads` of
 * each: default 0, so that batches are built on this process's own thread.
 *
 * @category layers
 * @since 0.1.0
 */
export const embedded = (options: EmbeddedOptions): Layer.Layer<Runners, InvalidOption | ListenError> =>
  Layer.scoped(
    Runners,
    Effect.gen(function* () {
      const { count, own } = yield* checked(() => {
        const { runners = 1, threads = 0, ...rest } = optionsOf("Runners.embedded", options, NAMES)
        return { count: whole("runners", runners, 1, MOST), own: { ...rest, threads } }
      })
      const all = yield* Effect.replicateEffect(listen(own), count)
      const infos = all.map(({ host, id, port, threads }) => ({ id, host, port, threads }))
      return {
        changes: Stream.concat(Stream.make(infos), Stream.never),
        isFixed: true,
        place: "Runners.embedded",
        owner: (lane, lanes) => ownerOf(infos, lane, lanes)?.id
      }
    })
  )

/** Beyond that, one process is no trial of a cluster. */
const MOST = 64
