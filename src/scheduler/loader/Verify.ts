/**
 * Checks whether batches of a run come out the same when they are built again. A resumed run relies on that, and a stage
 * that depends on more than its sample, its rng and its context breaks it.
 *
 * A few batches are chosen while the run goes on (each with the same odds, however long the run gets), and of each only
 * the hashes of its columns are kept.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { EventLoop } from "../../core/EventLoop.ts"
import { isRecord } from "../../core/Record.ts"
import { sha256 } from "../../core/runtime.ts"
import { Tensor } from "../../core/Tensor.ts"
import type { Batch } from "../../pipeline/Batch.ts"
import { Xoshiro128 } from "../../random/generators/Xoshiro128.ts"
import type { Service } from "../../seeding/Service.ts"
import type { BackendSettings, Failure, OpenBackend } from "../backends/Backend.ts"
import { fibers } from "../backends/Fibers.ts"
import * as Digest from "../plan/Digest.ts"
import * as Plan from "../plan/Plan.ts"
import type { RunPlan } from "../plan/RunPlan.ts"

/**
 * A batch that was made again is not the one that was delivered.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImpureBatch extends Data.TaggedError("ImpureBatch")<{
  readonly policy: string
  readonly seed: string
  readonly epoch: number
  readonly batch: number
  readonly worker: number
  readonly workers: number
  /** The columns that differ; an empty name if the batch is one column, or if one of the two batches is missing. */
  readonly columns: ReadonlyArray<string>
}> {
  override get message(): string {
    const { batch, columns, epoch, policy, seed, worker, workers } = this
    const which = columns.map((name) => (name === "" ? "its data" : `column "${name}"`)).join(", ")
    return (
      `batch ${batch} of epoch ${epoch} (worker ${worker} of ${workers}, policy ${policy}, seed ${seed}) came out otherwise ` +
      `when it was made again: ${which}; a stage, the dataset or the collate depends on more than its sample, its rng and its ` +
      "context (a counter, a clock, Math.random, a sample changed in place), so that a run that is resumed, or has other " +
      "workers, would not deliver the same"
    )
  }
}

/** A batch that was made again. @category models @since 0.1.0 */
export interface Verified {
  readonly epoch: number
  readonly batch: number
}

interface Kept extends Verified {
  readonly columns: ReadonlyMap<string, string>
}

/** Chooses batches while they go by: reservoir sampling, with numbers drawn from the policy's seed. @since 0.1.0 */
export class Chosen {
  readonly #most: number
  readonly #kept: Array<Kept> = []
  readonly #rng: Xoshiro128
  #seen = 0

  /** Keeps at most `most`. */
  constructor(most: number, runPlan: RunPlan) {
    this.#most = most
    const { buffer, byteOffset } = sha256(`verify ${runPlan.policy?.name} ${runPlan.policy?.seed}`)
    this.#rng = new Xoshiro128()
    this.#rng.reseed(new Uint32Array(buffer, byteOffset, 4), 0)
  }

  /** A batch goes by. Throws `DigestError` for columns that cannot be hashed. */
  pass(batch: Batch<unknown>): void {
    if (this.#most === 0) return
    const slot = this.#seen < this.#most ? this.#seen : this.#rng.integer(this.#seen + 1)
    this.#seen++
    if (slot < this.#most) {
      this.#kept[slot] = { epoch: batch.epoch, batch: batch.index, columns: hashes(batch.columns) }
    }
  }

  /** Builds them again, in the order of the plan, and compares. `retried` is told of samples that were attempted again. */
  again(
    runPlan: RunPlan,
    settings: BackendSettings,
    retried: (count: number) => void
  ): Effect.Effect<ReadonlyArray<Verified>, Failure | ImpureBatch, unknown> {
    return Effect.suspend(() => {
      const { policy } = runPlan
      const quiet: RunPlan = {
        ...runPlan,
        policy: policy === undefined ? undefined : unobserved(policy)
      }
      const kept = this.#kept.toSorted((one, other) => one.epoch - other.epoch || one.batch - other.batch)
      // Plain stages never yield, and whoever closes the run or aborts it needs a turn.
      const eventLoop = new EventLoop()
      const built = fibers().open(quiet, { ...settings, start: undefined, digest: false, observer: undefined })
      return Effect.flatMap(built, (backend) =>
        Effect.forEach(kept, (own) => Effect.zipRight(eventLoop.turnIfStarved, remade(quiet, own, backend, retried)))
      )
    }).pipe(Effect.scoped)
  }
}

/** The policy without those who look on: what is made again is not drawn again. */
const unobserved = ({ observe: _, record: __, ...policy }: Service): Service => policy

const remade = (
  runPlan: RunPlan,
  { batch, columns, epoch }: Kept,
  backend: OpenBackend,
  retried: (count: number) => void
) =>
  Effect.gen(function* () {
    const worker = Plan.worker(runPlan.plan, batch)
    const { content } = backend.request({ epoch, batch, worker }, () => undefined)
    const { batch: made, lease, retried: count = 0 } = yield* content
    retried(count)
    const now = made === undefined ? new Map<string, string>([["", "none"]]) : hashes(made.columns)
    lease?.release()
    const names = [...new Set([...columns.keys(), ...now.keys()])]
    const differing = names.filter((name) => columns.get(name) !== now.get(name))
    if (differing.length === 0) return { epoch, batch }
    const { name = "none", seed = "none" } = runPlan.policy ?? {}
    const { workers } = runPlan.plan
    return yield* new ImpureBatch({ policy: name, seed, epoch, batch, worker, workers, columns: differing })
  })

/** A hash for each column by its name, or one of an empty name where the columns are no record. */
const hashes = (columns: unknown): ReadonlyMap<string, string> =>
  isRecord(columns) && !(columns instanceof Tensor)
    ? new Map(Object.entries(columns).map(([name, column]) => [name, Digest.hex(Digest.ofColumns(column))]))
    : new Map([["", Digest.hex(Digest.ofColumns(columns))]])
