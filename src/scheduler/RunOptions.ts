/**
 * What a run is told when it is opened: which epochs it delivers, and how.
 *
 * @since 0.1.0
 */
import { InvalidOption, whole } from "../InvalidOption.ts"
import type * as Cursor from "./Cursor.ts"
import type { Sharing } from "./Job.ts"

/** How a run goes, beside which epochs it delivers. @since 0.1.0 */
export interface RunOptions extends Sharing {
  /**
   * `"plan"` (the default): batch 0, 1, 2 … of each epoch. `"ready"`: whichever is built first, so that a slow batch
   * holds up only itself; the batches are the same, their order depends on timing.
   */
  readonly order?: "plan" | "ready"
  /** How many batches each worker builds ahead. Default 2. */
  readonly prefetch?: number
  /** Keep a digest of all that is delivered. Default `false`. */
  readonly digest?: boolean
  /** Keep a profile: what each stage takes, how full the queues are. It costs some microseconds a batch. Default `false`. */
  readonly profile?: boolean
  /** From how many of its batches, chosen at random, `loader.verify` keeps hashes. Default 0. */
  readonly verify?: number
  /**
   * The batches may be ones that this process has delivered before: the repeat is meant, and neither told nor
   * remembered. Default `false`: a second delivery of the same batches is logged once, as a warning.
   */
  readonly replay?: boolean
  /** What may differ from the run that the cursor is of. Default: nothing that changes a batch. */
  readonly allow?: ReadonlyArray<Cursor.Field>
}

/**
 * Which epochs a run delivers. One of three must be given; a run without any is a compile error, and an
 * `InvalidOption` where the types are bypassed.
 *
 * - `{ epochs: n }`: epochs 0 to n − 1.
 * - `{ epoch: k }`: epoch k alone.
 * - `{ from: cursor }`: what is left of the cursor's run. A cursor is a `Cursor`, or what was stored of one.
 *
 * With `from` beside `epochs` or `epoch` the run goes on from the cursor, and ends where these say. `from: undefined`
 * starts at the beginning, so that `{ epochs: 10, from: saved?.cursor }` serves the first start and every later one.
 *
 * @since 0.1.0
 */
export type EpochOptions =
  | { readonly from: object }
  // `epochs?: undefined` here would make it a discriminant, by which TypeScript lets `{ epochs?: number }` pass.
  | { readonly epoch: number; readonly from?: unknown }
  // The compiler's message is about the last one.
  | { readonly epochs: number; readonly epoch?: undefined; readonly from?: unknown }

/** What a run is told. @since 0.1.0 */
export type Options = RunOptions & EpochOptions

/** The epochs of a run: the first one, and the one behind the last. @since 0.1.0 */
export interface Range {
  readonly start: number
  readonly end: number
}

/** Options with their defaults. @since 0.1.0 */
export interface Settings {
  /** None where the cursor is to say. */
  readonly range: Range | undefined
  readonly prefetch: number
  readonly ready: boolean
  readonly digest: boolean
  readonly verify: number
  readonly replay: boolean
}

const THREE =
  "one of { epochs: n } for epochs 0 to n - 1, { epoch: k } for epoch k alone, or { from: cursor } for what is left of a cursor's run"

/** The last epoch is one that coordinates can hold, whatever the policy. */
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

/** Checks options. Throws `InvalidOption`. @since 0.1.0 */
export const settings = (options: Options): Settings => {
  if (typeof options !== "object" || options === null) {
    throw new InvalidOption({ option: "the run", value: options, expected: `told its epochs: ${THREE}` })
  }
  const order = options.order ?? "plan"
  if (order !== "plan" && order !== "ready") {
    throw new InvalidOption({ option: "order", value: order, expected: '"plan" or "ready"' })
  }
  return {
    range: rangeOf(options),
    prefetch: whole("prefetch", options.prefetch ?? 2, 1),
    ready: order === "ready",
    digest: options.digest ?? false,
    verify: whole("verify", options.verify ?? 0, 0),
    replay: options.replay ?? false
  }
}

/**
 * The epochs of a run that goes on from a cursor, or begins. Throws `InvalidOption` where the cursor does not say where
 * its run ends and nothing else does, or where it stands outside of the one epoch that was asked for.
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
