/**
 * What the members of a pool are told of a run.
 *
 * @since 0.1.0
 */

import { derivationOf, type Service } from "../../../seeding/Service.ts"
import { limits } from "../../build/FailureRules.ts"
import { fingerprint } from "../../plan/Fingerprint.ts"
import type { RunPlan } from "../../plan/RunPlan.ts"
import type { BackendSettings } from "../Backend.ts"
import { encodeConfig } from "./ConfigCodec.ts"
import type { MemberStart } from "./Protocol.ts"

/** @since 0.1.0 */
export interface MemberOptions extends Pick<MemberStart, "module" | "name"> {
  /** `undefined`: not compared. */
  readonly code?: MemberStart["code"] | undefined
  readonly config: unknown
}

/** What members are told of a run, to build the same batches. @since 0.1.0 */
export const memberStart = (
  runPlan: RunPlan,
  { digest, failures, times, traceparent }: BackendSettings,
  { code, config, module, name }: MemberOptions
): MemberStart => {
  const { plan, policy } = runPlan
  return {
    module,
    name,
    config: encodeConfig(config),
    fingerprint: fingerprint(runPlan),
    ...(code === undefined ? {} : { code }),
    workers: plan.workers,
    rank: plan.rank,
    world: plan.world,
    uneven: plan.uneven,
    resized: plan.resized,
    digest,
    limits: limits(failures),
    policy: policy === undefined ? undefined : described(policy),
    records: policy?.record !== undefined,
    observes: policy?.observe !== undefined && derivationOf(policy) !== undefined,
    times: times !== undefined,
    ...(traceparent === undefined ? {} : { traceparent })
  }
}

const described = (policy: Service): NonNullable<MemberStart["policy"]> => {
  const { carries, elastic, name, seed } = policy
  const derivation = derivationOf(policy)
  return {
    name,
    seed,
    elastic,
    ...(carries === undefined ? {} : { carries }),
    ...(derivation === undefined ? {} : { derivation })
  }
}
