/**
 * The times of a cluster, all of one: how often a runner says that it is there.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { duration } from "../../core/Check.ts"

/** How often a runner says that it is there. */
const HEARTBEAT: Duration.DurationInput = "1 second"

/** After so many heartbeats without one, a runner is gone. */
const MISSED = 3

/** @since 0.1.0 */
export interface Timing {
  readonly heartbeat: Duration.Duration
  /** A runner that has not been heard of for so long is gone; whole seconds, as the cluster's tables count them. */
  readonly expiry: Duration.Duration
}

/** Throws `InvalidOption` for a heartbeat that is no duration of more than 0. @since 0.1.0 */
export const timingOf = (heartbeat: Duration.DurationInput = HEARTBEAT): Timing => {
  const own = duration("heartbeat", heartbeat)
  return { heartbeat: own, expiry: Duration.seconds(Math.ceil((MISSED * Duration.toMillis(own)) / 1000)) }
}
