/**
 * The options of a run: which epochs it delivers, and how.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { isOptions, type Names, optionsOf, truth } from "../../core/Options.ts"
import { isPipeline, ownPipeline } from "../../pipeline/PipelineValue.ts"
import * as Plan from "../plan/Plan.ts"
import type { Sharing } from "../plan/RunPlan.ts"
import type * as Cursor from "./Cursor.ts"
import * as CursorCheck from "./CursorCheck.ts"

/** Options of a run other than its epochs. @category options @since 0.1.0 */
export interface RunOptions extends Sharing {
  /**
   * `"plan"` (the default): batch 0, 1, 2 … of each epoch. `"ready"`: whichever is built first, so that a slow batch
   * delays only those of its worker; the batches are the same, their order depends on timing.
   */
  readonly order?: "plan" | "ready"
  /** How many batches each worker builds ahead. Default 2; 8 on threads, as far as their `prefetchBytes` go. */
  readonly prefetch?: number
  /** Keep a digest of everything that is delivered. Default `false`. */
  readonly digest?: boolean
  /** Keep a profile: what each stage takes, how full the queues are. Costs some microseconds per batch. Default `false`. */
  readonly profile?: boolean
  /** How many batches, chosen at random, `loader.verify` can build again; a hash of each is kept. Default 0. */
  readonly verify?: number
  /**
   * Whether batches that this process has delivered before are repeated on purpose. Then no warning is logged, and what
   * this run delivers is not remembered. Default `false`: a second delivery of the same batches is logged once, as a
   * warning.
   */
  readonly replay?: boolean
  /**
   * Whether batches of `take`, `stream` and `for await` are lent, as those of `forEach` are for their step: each can be read
   * until the next one is asked for, or the run is closed, as leaving a `for await` does. It saves the one copy that makes a
   * batch its consumer's own, and only the data of tensors is guarded: a typed array that was taken out of one shows a later
   * batch. Default `false`.
   */
  readonly lend?: boolean
  /** Which fields may differ from the run of the cursor. Default: none. */
  readonly allow?: ReadonlyArray<Cursor.Field>
}

/**
 * Which epochs a run delivers. One of the three is required; without any, a program does not compile, and untyped code
 * gets an `InvalidOption`.
 *
 * - `{ epochs: n }`: epochs 0 to n − 1.
 * - `{ epoch: k }`: epoch k only.
 * - `{ from: cursor }`: what is left of the run of the cursor, which is a `Cursor`, or one that was stored and parsed.
 *
 * With `from` and `epochs` or `epoch`, the run starts at the cursor and ends where these say. `from: undefined` starts at
 * the beginning, so that `{ epochs: 10, from: saved?.cursor }` works for the first start and for every later one.
 *
 * @category options
 * @since 0.1.0
 */
export type EpochOptions =
  | { readonly from: object }
  // `epochs?: undefined` here would make it a discriminant, by which TypeScript lets `{ epochs?: number }` pass.
  | { readonly epoch: number; readonly from?: unknown }
  // The compiler's message is about the last one.
  | { readonly epochs: number; readonly epoch?: undefined; readonly from?: unknown }

/** All options of a run. @category options @since 0.1.0 */
export type Options = RunOptions & EpochOptions

/**
 * The names of all options of a run.
 *
 * @since 0.1.0
 */
export const NAMES: Names<RunOptions & Record<"epochs" | "epoch" | "from", unknown>> = {
  epochs: true,
  epoch: true,
  // What is not a cursor is a `CursorError`.
  from: "own",
  order: true,
  prefetch: true,
  digest: true,
  profile: true,
  verify: true,
  replay: true,
  lend: true,
  allow: "own",
  rank: true,
  world: true,
  uneven: true,
  steps: true
}

/** The epochs of a run: the first one, and the one after the last. @since 0.1.0 */
export interface Range {
  readonly start: number
  readonly end: number
}

/** Options with their defaults. @since 0.1.0 */
export interface Settings {
  /** `undefined` if the cursor says it. */
  readonly range: Range | undefined
  /** `undefined` if the backend says it. */
  readonly prefetch: number | undefined
  readonly ready: boolean
  readonly digest: boolean
  readonly verify: number
  readonly replay: boolean
  readonly lends: boolean
}

const THREE =
  "one of { epochs: n } for epochs 0 to n - 1, { epoch: k } for epoch k alone, or { from: cursor } for what is left of a cursor's run"

/** The largest epoch that coordinates can hold under any policy. */
const MAX_EPOCH = Number.MAX_SAFE_INTEGER - 1

const rangeOf = (options: Partial<Record<"epochs" | "epoch" | "from", unknown>>): Range | undefined => {
  const { epoch, epochs, from } = options
  if (epochs !== undefined && epoch !== undefined) {
    const expected =
      "left out beside epoch: a run delivers epochs 0 to n - 1 ({ epochs: n }) or one alone ({ epoch: k })"
    throw new InvalidOption({ option: "epochs", value: epochs, expected })
  }
  // `whole` refuses what is no number.
  if (epochs !== undefined) return { start: 0, end: whole("epochs", epochs as number, 0) }
  if (epoch !== undefined) {
    const start = whole("epoch", epoch as number, 0, MAX_EPOCH)
    return { start, end: start + 1 }
  }
  if (from !== undefined) return undefined
  throw new InvalidOption({ option: "the run", value: options, expected: `told its epochs: ${THREE}` })
}

/** The options of the function `of`. Throws `InvalidOption` for names that are not in `names`, and for values. @since 0.1.0 */
export const settings = (options: Options, of: string, names: Names<object> = NAMES): Settings => {
  if (!isOptions(options)) {
    throw new InvalidOption({ option: "the run", value: options, expected: `told its epochs: ${THREE}` })
  }
  optionsOf<object>(of, options, names)
  const order = options.order ?? "plan"
  if (order !== "plan" && order !== "ready") {
    throw new InvalidOption({ option: "order", value: order, expected: '"plan" or "ready"' })
  }
  const range = rangeOf(options)
  // What is left of these is checked with the dataset's size, and with the cursor.
  Plan.shared(options)
  if (options.allow !== undefined) CursorCheck.allowed(options.allow)
  truth("profile", options.profile ?? false)
  return {
    range,
    prefetch: options.prefetch === undefined ? undefined : whole("prefetch", options.prefetch, 1),
    ready: order === "ready",
    digest: truth("digest", options.digest ?? false),
    verify: whole("verify", options.verify ?? 0, 0),
    replay: truth("replay", options.replay ?? false),
    lends: truth("lend", options.lend ?? false)
  }
}

/** Throws `InvalidOption` unless the function `of` was given a pipeline of this copy of Furrow. @since 0.1.0 */
export const pipelineOf = (of: string, pipeline: unknown): void => {
  const option = `the pipeline of ${of}`
  if (isPipeline(pipeline)) {
    ownPipeline(option, pipeline)
    return
  }
  const expected = "a pipeline with batches, such as Pipeline.from(dataset).pipe(Pipeline.batch(32))"
  throw new InvalidOption({ option, value: pipeline, expected })
}

/**
 * Returns the epochs of a run that starts at a cursor, or at the beginning. Throws `InvalidOption` if neither the options
 * nor the cursor say where the run ends, or if the cursor is outside of the one epoch that was asked for.
 *
 * @since 0.1.0
 */
export const resolve = (range: Range | undefined, cursor: Cursor.Cursor | undefined): Range => {
  if (range === undefined) {
    const end = cursor?.end
    if (end !== undefined) return { start: 0, end }
    const expected = "given: this cursor was written before cursors kept where their run ends"
    throw new InvalidOption({ option: "epochs", value: undefined, expected })
  }
  if (range.start === 0 || cursor === undefined) return range
  const { batch, epoch } = cursor
  if (epoch === range.start || (epoch === range.end && batch === 0)) return range
  const expected = `${epoch}, where the cursor stands; or leave out the cursor to deliver this epoch from its start`
  throw new InvalidOption({ option: "epoch", value: range.start, expected })
}
