/**
 * Binds stages to the seeds that the rows of one batch start from.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Stage } from "../../pipeline/Stage.ts"
import { Xoshiro128, algorithm as xoshiro } from "../../random/generators/Xoshiro128.ts"
import { RecordingRng } from "../../random/RecordingRng.ts"
import * as Rng from "../../random/Rng.ts"
import { CoordinatesError } from "../../seeding/Coordinates.ts"
import * as SeedPolicy from "../../seeding/SeedPolicy.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { type Rows, requestAt } from "../plan/SeedRequest.ts"
import type { Streams } from "./CarriedStreams.ts"
import { idle } from "./ForbiddenRng.ts"
import { Failing, type Work } from "./Work.ts"

/** A stage with the seeds that its rows start from; without seeds it does not draw. @since 0.1.0 */
export interface SeededStage {
  readonly stage: Stage
  readonly request: SeedPolicy.Request
  readonly seeds: SeedPolicy.Seeds | undefined
  /** The rng at a row's seed. It may be one object, seeded anew at each call. */
  readonly rng: (row: number) => Rng.Rng
}

/**
 * The seeds of one batch. A policy is asked for those of a stage once, however often the batch is attempted.
 *
 * @since 0.1.0
 */
export class SeedBinding {
  readonly #runPlan: RunPlan
  readonly #rows: Rows
  readonly #streams: Streams | undefined
  readonly #derives: boolean
  readonly #bound = new Map<Stage, SeededStage>()
  #draws: Array<SeedPolicy.Draw> = []

  /** `rows.indices` may be filled in later, before the first stage is bound. */
  constructor(runPlan: RunPlan, rows: Rows, streams: Streams | undefined) {
    this.#runPlan = runPlan
    this.#rows = rows
    this.#streams = streams
    this.#derives = runPlan.pipeline.ambient === "derive"
  }

  /** What was drawn, where the policy records draws. */
  get draws(): ReadonlyArray<SeedPolicy.Draw> {
    return this.#draws
  }

  /** Drops the draws of rows whose attempt came to nothing; of all rows where none are named. */
  forget(rows?: ReadonlySet<number>): void {
    const { position } = this.#rows
    this.#draws =
      rows === undefined ? [] : this.#draws.filter(({ coordinates }) => !rows.has(coordinates.position - position))
  }

  /** Where the draws stand, to {@link rewind} to. */
  get mark(): number {
    return this.#draws.length
  }

  rewind(mark: number): void {
    this.#draws.length = mark
  }

  /** Binds stages before they run, so that {@link of} has them. Behind `batch` there is one seed a stage. */
  bind(stages: ReadonlyArray<Stage>, scope: "sample" | "batch"): Work<CoordinatesError> {
    const { policy } = this.#runPlan
    for (let place = 0; place < stages.length; place++) {
      const stage = stages[place] as Stage // below the length
      if (this.#bound.has(stage)) continue
      const request = requestAt(this.#runPlan, stage.id, scope, this.#rows)
      if (policy === undefined || !(stage.draws || this.#derives)) {
        this.#bound.set(stage, { stage, request, seeds: undefined, rng: () => idle })
        continue
      }
      const seeds = SeedPolicy.seedsNow(policy, request)
      if (seeds === undefined) {
        return Effect.flatMap(policy.seeds(request), (own) =>
          Effect.suspend(() => {
            const reason = this.#unfit(own, request)
            if (reason !== undefined) return reason
            this.#bound.set(stage, this.#seeded(stage, request, own))
            return this.bind(stages.slice(place + 1), scope) ?? Effect.void
          })
        )
      }
      const reason = this.#unfit(seeds, request)
      if (reason !== undefined) throw new Failing(reason)
      this.#bound.set(stage, this.#seeded(stage, request, seeds))
    }
    return undefined
  }

  /** A stage that was bound. */
  of(stage: Stage): SeededStage {
    return this.#bound.get(stage) as SeededStage // `bind` comes before
  }

  /** A generator of its own at a row's seed, or the stream that goes on there. */
  fresh({ request, seeds }: SeededStage, row: number): Rng.Rng {
    return seeds === undefined ? idle : this.#started(seeds, request, row)
  }

  /** A fork of the row's stream, so that what ambient calls draw moves none of the stage's own draws. */
  ambient({ request, seeds }: SeededStage, row: number): Rng.Rng {
    if (seeds === undefined) return idle
    const rng =
      seeds._tag === "Carried" && this.#streams !== undefined
        ? this.#streams.ambient(seeds.slot, seeds.seed)
        : Rng.make(SeedPolicy.seedAt(seeds, row)).fork("ambient")
    return this.#observed(rng, request, row, "ambient/")
  }

  #seeded(stage: Stage, request: SeedPolicy.Request, seeds: SeedPolicy.Seeds): SeededStage {
    if (seeds._tag === "Packed" && seeds.algorithm === xoshiro && this.#runPlan.policy?.record === undefined) {
      const { words } = seeds
      const own = new Xoshiro128()
      return { stage, request, seeds, rng: (row: number) => own.reseed(words, 4 * row) }
    }
    return { stage, request, seeds, rng: (row: number) => this.#started(seeds, request, row) }
  }

  #started(seeds: SeedPolicy.Seeds, request: SeedPolicy.Request, row: number): Rng.Rng {
    const rng =
      seeds._tag === "Carried" && this.#streams !== undefined
        ? this.#streams.at(seeds.slot, seeds.seed)
        : Rng.make(SeedPolicy.seedAt(seeds, row))
    return this.#observed(rng, request, row)
  }

  #observed(rng: Rng.Rng, request: SeedPolicy.Request, row: number, prefix = ""): Rng.Rng {
    if (this.#runPlan.policy?.record === undefined) return rng
    return new RecordingRng(rng, SeedPolicy.coordinates(request, row), this.#draws, prefix)
  }

  /** Why seeds cannot be what the rows of a request start from. */
  #unfit(seeds: SeedPolicy.Seeds, request: SeedPolicy.Request): CoordinatesError | undefined {
    const reason = this.#reason(seeds, request.indices.length)
    if (reason === undefined) return undefined
    const { name = "none", seed = "none" } = this.#runPlan.policy ?? {}
    return new CoordinatesError({ policy: name, seed, coordinates: SeedPolicy.coordinates(request, 0), reason })
  }

  #reason(seeds: SeedPolicy.Seeds, count: number): string | undefined {
    if (seeds._tag === "Carried") {
      return this.#streams === undefined ? "it gave a stream to carry on, but has no `carries`" : undefined
    }
    const given = seeds._tag === "Packed" ? seeds.words.length / seeds.width : seeds.seeds.length
    return given === count ? undefined : `it gave ${given} seeds where ${count} were asked for`
  }
}
