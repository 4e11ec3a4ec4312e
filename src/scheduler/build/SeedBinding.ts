/**
 * Binds each stage to the seeds that the rows of one batch start from.
 *
 * @since 0.1.0
 */
import * as Ambient from "../../patches/Ambient.ts"
import type { Stage } from "../../pipeline/Stage.ts"
import { forbiddenRng } from "../../random/ForbiddenRng.ts"
import { Xoshiro128, algorithm as xoshiro } from "../../random/generators/Xoshiro128.ts"
import * as Rng from "../../random/Rng.ts"
import { type Coordinates, stageId } from "../../seeding/Coordinates.ts"
import { RecordingRng } from "../../seeding/RecordingRng.ts"
import { coordinates, type Request, type Seeds, seedAt } from "../../seeding/Request.ts"
import { ask, type Draw, recordDraws } from "../../seeding/Service.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import { type Rows, requestAt } from "../plan/SeedRequest.ts"
import type { CarriedStreams } from "./CarriedStreams.ts"
import { TypedFailure } from "./Work.ts"

interface Own {
  readonly stage: Stage
  /** The rng at a row's seed. It may be one object, reseeded at each call. */
  readonly rng: (row: number) => Rng.Rng
}

/** A stage with the seeds that its rows start from; without seeds it does not draw. @since 0.1.0 */
export type SeededStage =
  | (Own & { readonly request: Request; readonly seeds: Seeds })
  | (Own & { readonly request: undefined; readonly seeds: undefined })

const forbidden = (): Rng.Rng => forbiddenRng

/**
 * The seeds of one batch after another. A policy is asked for those of a stage once a batch, however often the batch is
 * attempted.
 *
 * @since 0.1.0
 */
export class SeedBinding {
  readonly #runPlan: RunPlan
  readonly #streams: CarriedStreams | undefined
  readonly #derives: boolean
  /** The stages of this batch that have seeds. */
  readonly #bound = new Map<Stage, SeededStage>()
  /** Stages that have no seeds are the same for all batches; by the program's array that they are in. */
  readonly #unseeded = new Map<ReadonlyArray<Stage>, ReadonlyArray<SeededStage>>()
  /** The generator of each stage that draws, reseeded for each row. */
  readonly #generators = new Map<Stage, Xoshiro128>()
  /** The row of each stream that is recorded, by the coordinates that its draws carry. */
  readonly #rowOf = new Map<Coordinates, number>()
  readonly #rows: Rows
  #draws: Array<Draw> = []

  /** `rows.indices` may be filled in later, before the first stage is bound. */
  constructor(runPlan: RunPlan, rows: Rows, streams: CarriedStreams | undefined) {
    this.#runPlan = runPlan
    this.#rows = rows
    this.#streams = streams
    this.#derives = runPlan.pipeline.ambient === "derive"
  }

  /** Goes on to another batch, whose rows the same object now holds, and forgets all that belongs to the one before. */
  reset(): void {
    if (this.#bound.size > 0) this.#bound.clear()
    if (this.#runPlan.policy?.record === undefined) return
    this.#draws = []
    this.#rowOf.clear()
  }

  /** Hands what was drawn to a policy that records it. Throws a `CoordinatesError`, as a typed failure. */
  record(): void {
    const { pipeline, policy } = this.#runPlan
    if (policy?.record === undefined) return
    const stage = pipeline.stages.find(({ _tag }) => _tag === "Batch")?.id ?? stageId("batch")
    const handed = recordDraws(policy, this.#draws, () => requestAt(this.#runPlan, stage, "batch", this.#rows))
    if (handed._tag === "Left") throw new TypedFailure(handed.left)
  }

  /** Drops the draws of rows whose attempt failed; those of all rows by default. */
  forget(rows?: ReadonlySet<number>): void {
    if (this.#runPlan.policy?.record === undefined) return
    this.#draws =
      rows === undefined ? [] : this.#draws.filter(({ coordinates }) => !rows.has(this.#rowOf.get(coordinates) ?? -1))
  }

  /** Where the draws stand, to {@link rewind} to. */
  get mark(): number {
    return this.#draws.length
  }

  rewind(mark: number): void {
    this.#draws.length = mark
  }

  /**
   * Returns the stages with their seeds. Behind `batch` there is one seed a stage. `stages` is one of the program's arrays.
   * Throws a `CoordinatesError`, as a typed failure.
   */
  bind(stages: ReadonlyArray<Stage>, scope: "sample" | "batch"): ReadonlyArray<SeededStage> {
    const unseeded = this.#unseeded.get(stages)
    if (unseeded !== undefined) return unseeded
    const all: Array<SeededStage> = []
    let seeds = false
    for (const stage of stages) {
      const seeded = this.#bindOne(stage, scope)
      seeds ||= seeded.seeds !== undefined
      all.push(seeded)
    }
    if (!seeds) this.#unseeded.set(stages, all)
    return all
  }

  #bindOne(stage: Stage, scope: "sample" | "batch"): SeededStage {
    const known = this.#bound.get(stage)
    if (known !== undefined) return known
    const seeded = this.#seeded(stage, scope)
    if (seeded.seeds !== undefined) this.#bound.set(stage, seeded)
    return seeded
  }

  /** A generator of its own at a row's seed, or the stream that goes on there. */
  fresh({ request, seeds }: SeededStage, row: number): Rng.Rng {
    return seeds === undefined ? forbiddenRng : this.#started(seeds, request, row)
  }

  /** A fork of the row's stream, so that what ambient calls draw moves none of the stage's own draws. */
  ambient({ request, seeds }: SeededStage, row: number): Rng.Rng {
    if (seeds === undefined) return forbiddenRng
    const rng =
      seeds._tag === "Carried" && this.#streams !== undefined
        ? this.#streams.ambient(seeds.slot, seeds.seed)
        : Rng.make(seedAt(seeds, row)).fork(Ambient.FORK)
    return this.#observed(rng, request, row, "ambient/")
  }

  #seeded(stage: Stage, scope: "sample" | "batch"): SeededStage {
    const { policy } = this.#runPlan
    if (policy === undefined || !(stage.draws || this.#derives)) {
      return { stage, request: undefined, seeds: undefined, rng: forbidden }
    }
    const request = requestAt(this.#runPlan, stage.id, scope, this.#rows)
    const answer = ask(policy, request)
    if (answer._tag === "Left") throw new TypedFailure(answer.left)
    const seeds = answer.right
    if (seeds._tag === "Packed" && seeds.algorithm === xoshiro && policy.record === undefined) {
      const { words } = seeds
      const own = this.#generator(stage)
      return { stage, request, seeds, rng: (row: number) => own.reseed(words, 4 * row) }
    }
    return { stage, request, seeds, rng: (row: number) => this.#started(seeds, request, row) }
  }

  #generator(stage: Stage): Xoshiro128 {
    const known = this.#generators.get(stage)
    if (known !== undefined) return known
    const own = this.#guarded(new Xoshiro128(), stage.id.name)
    this.#generators.set(stage, own)
    return own
  }

  #started(seeds: Seeds, request: Request, row: number): Rng.Rng {
    const rng =
      seeds._tag === "Carried" && this.#streams !== undefined
        ? this.#streams.at(seeds.slot, seeds.seed)
        : this.#guarded(Rng.make(seedAt(seeds, row)), request.stage.name)
    return this.#observed(rng, request, row)
  }

  /**
   * Refuses the fork that ambient calls draw from, which a stage would draw once more. Streams that carry on need no guard:
   * what is forked from them starts from what they draw, and the ambient one from their seed.
   */
  #guarded<R extends Rng.Rng>(rng: R, stage: string): R {
    if (!this.#derives) return rng
    const fork = rng.fork.bind(rng)
    rng.fork = (name) => {
      if (name === Ambient.FORK) throw new Ambient.AmbientRandomness({ call: Ambient.FORK_CALL, stage })
      return fork(name)
    }
    return rng
  }

  #observed(rng: Rng.Rng, request: Request, row: number, prefix = ""): Rng.Rng {
    if (this.#runPlan.policy?.record === undefined) return rng
    const at = coordinates(request, row)
    this.#rowOf.set(at, row)
    return new RecordingRng(rng, at, this.#draws, prefix)
  }
}
