/**
 * Which batches this process has delivered, so that it can tell when it delivers the same ones a second time: the same
 * order and the same draws under the same coordinates. A loop that opens a run for each of its epochs, and names the
 * same epochs each time, trains on one epoch over and over, and nothing else shows it.
 *
 * @since 0.1.0
 */
import { sha256 } from "../../core/runtime.ts"
import { hex } from "../plan/Digest.ts"
import { datasetText, linesOf } from "../plan/Fingerprint.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type { Sequence } from "../plan/Sequence.ts"
import type { CallSite } from "./CallSite.ts"

/** Datasets of so many samples are compared whole. */
const WHOLE = 4096

/** Consecutive batches that one run has delivered. */
interface Stretch {
  /** The sequence number of the first, and the one behind the last. */
  readonly from: number
  to: number
  /** Where the run was opened. */
  readonly site: string
  /** The run that it belongs to; 0 once that is closed. */
  run: number
}

interface Entry {
  readonly stretches: Array<Stretch>
  /** Counts the stretches that were begun. */
  begun: number
  /** A repeat is logged once. */
  told: boolean
}

/** How many pipelines (each with its policy, seed and rank) are remembered; the one unused for longest is forgotten. */
const MAX_ENTRIES = 1024
/** How many stretches of each; the oldest is forgotten. */
const MAX_STRETCHES = 256

/** By what a pipeline is, as text: neither the pipeline nor its data are kept alive. */
const register = new Map<string, Entry>()

const entryOf = (key: string): Entry => {
  const entry = register.get(key) ?? { stretches: [], begun: 0, told: false }
  // What was used last stands last.
  register.delete(key)
  register.set(key, entry)
  for (const oldest of register.keys()) {
    if (register.size <= MAX_ENTRIES) break
    register.delete(oldest)
  }
  return entry
}

/**
 * How much of a dataset of a size is looked at. Large ones are told apart by some of their samples: all of them would
 * cost more than the warning is worth.
 *
 * @since 0.1.0
 */
export const extentOf = (size: number): "brief" | "full" => (size <= WHOLE ? "full" : "brief")

const numbers = new WeakMap<object, number>()
let given = 0

/** The number of a stream source that was given no name: it is compared with itself alone. */
const numberOf = (source: object): number => {
  const own = numbers.get(source) ?? ++given
  numbers.set(source, own)
  return own
}

/** All that the coordinates of a batch consist of, but for the epoch and the batch's number. */
const keyOf = (runPlan: RunPlan, { room }: Sequence): string => {
  const { pipeline, plan, policy, size, stream } = runPlan
  const { batchSize, count, rank, workers, world } = plan
  const all = {
    stages: linesOf(pipeline),
    dataset: datasetText(pipeline.dataset, size, extentOf(size)),
    ...(stream?.source.isNamed === false ? { source: numberOf(stream.source) } : {}),
    policy: [policy?.name, policy?.seed],
    // Under an elastic policy the number of workers changes no draw.
    workers: policy?.elastic === true ? 0 : workers,
    plan: [batchSize, room, count, rank, world]
  }
  return hex(sha256(JSON.stringify(all)))
}

let runs = 0

/** What a run tells the register. @since 0.1.0 */
export class Tracker {
  readonly #runPlan: RunPlan
  readonly #sequence: Sequence
  readonly #checks: boolean
  readonly #run = ++runs
  #site: CallSite | undefined
  #entry: Entry | undefined
  #own: Stretch | undefined
  /** Where the next stretch begins. */
  #start: number
  /** No other run's stretch lies before this sequence number, as long as none has begun since. */
  #clear = -1
  #begun = 0

  constructor(runPlan: RunPlan, sequence: Sequence, site: CallSite, start: number, checks: boolean) {
    this.#runPlan = runPlan
    this.#sequence = sequence
    this.#site = site
    this.#start = start
    this.#checks = checks
  }

  /** Returns what is to be reported before a batch is delivered, if another run has delivered it. */
  check(sequence: number): string | undefined {
    const { entry, own } = this.#mine()
    if (!this.#checks || entry.told) return undefined
    if (sequence < this.#clear && this.#begun === entry.begun) return undefined
    return this.#check(entry, sequence, own)
  }

  /** A batch is delivered, and with it all before `next`. */
  pass(next: number): void {
    const { own } = this.#mine()
    own.to = Math.max(own.to, next)
  }

  #mine(): { readonly entry: Entry; readonly own: Stretch } {
    if (this.#entry === undefined) this.#entry = entryOf(keyOf(this.#runPlan, this.#sequence))
    return { entry: this.#entry, own: this.#own ?? this.#begin(this.#entry) }
  }

  /** What lies before `sequence` is not delivered. */
  skipTo(sequence: number): void {
    if (this.#own !== undefined) this.#own.run = 0
    this.#own = undefined
    this.#start = sequence
  }

  /** The run is closed. */
  end(): void {
    if (this.#own !== undefined) this.#own.run = 0
  }

  #begin(entry: Entry): Stretch {
    const site = this.#site?.text ?? ""
    // A loop over single epochs makes one stretch.
    const before = entry.stretches.find((own) => own.run === 0 && own.to === this.#start && own.site === site)
    const own: Stretch = before ?? { from: this.#start, to: this.#start, site, run: this.#run }
    own.run = this.#run
    if (before === undefined) {
      entry.stretches.push(own)
      if (entry.stretches.length > MAX_STRETCHES) entry.stretches.shift()
    }
    entry.begun++
    this.#own = own
    return own
  }

  #check(entry: Entry, sequence: number, own: Stretch): string | undefined {
    this.#begun = entry.begun
    this.#clear = Number.POSITIVE_INFINITY
    for (const other of entry.stretches) {
      if (other === own) continue
      if (other.from <= sequence && sequence < other.to) {
        entry.told = true
        return told(
          this.#runPlan,
          this.#sequence.epochOf(sequence),
          this.#sequence.batchOf(sequence),
          other.site,
          own.site
        )
      }
      if (other.from > sequence) this.#clear = Math.min(this.#clear, other.from)
    }
    return undefined
  }
}

const told = ({ pipeline, policy }: RunPlan, epoch: number, batch: number, before: string, now: string): string => {
  return (
    `epoch ${epoch} is delivered a second time: batch ${batch} of the pipeline over ${pipeline.dataset.name} ` +
    `(policy ${policy?.name ?? "none"}, seed ${policy?.seed ?? "none"}) has the same order and the same random draws as before\n` +
    `  first by the run opened at ${before}\n  again by the run opened at ${now}\n` +
    "  For several epochs open one run with { epochs: n }, or name each run's epoch with { epoch: k }; " +
    "if the repeat is meant, say { replay: true }"
  )
}

/**
 * The tracker of a run; none where nothing draws, so that there is nothing to repeat, or where the repeat is meant.
 * A run that goes on from a cursor names its start itself: what it delivers is remembered, and not told.
 *
 * @since 0.1.0
 */
export const track = (
  runPlan: RunPlan,
  sequence: Sequence,
  site: CallSite,
  { from, replay, start }: { readonly from: boolean; readonly replay: boolean; readonly start: number }
): Tracker | undefined => {
  const draws = runPlan.pipeline.ambient === "derive" || runPlan.pipeline.stages.some((stage) => stage.draws)
  return replay || !draws ? undefined : new Tracker(runPlan, sequence, site, start, !from)
}
