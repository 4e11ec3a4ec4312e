/**
 * The run plan of a pipeline under the seed policy that the program is provided with, if it is provided with one.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { checked, type InvalidOption } from "../../core/InvalidOption.ts"
import type { Pipeline } from "../../pipeline/Pipeline.ts"
import { SeedPolicy } from "../../seeding/SeedPolicy.ts"
import * as RunPlan from "../plan/RunPlan.ts"

/** As `RunPlan.make`, whose `InvalidOption` it fails with. @since 0.1.0 */
export const make = (
  pipeline: Pipeline<unknown, unknown, unknown>,
  workers: number,
  ranks: RunPlan.Sharing
): Effect.Effect<RunPlan.RunPlan, InvalidOption> =>
  Effect.flatMap(Effect.serviceOption(SeedPolicy), (policy) =>
    checked(() => RunPlan.make(pipeline, workers, ranks, Option.getOrUndefined(policy)))
  )
