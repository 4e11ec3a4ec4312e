/**
 * What ranks are dealt of a stream source: a share of each batch, whole shards, every so many-th window, or what the source
 * gives each of them.
 *
 * @since 0.1.0
 */
import { whole } from "../../core/Check.ts"
import { InvalidOption } from "../../core/InvalidOption.ts"
import { isOptions } from "../../core/Options.ts"

/** What ranks are dealt. @since 0.1.0 */
export type DealtBy = "batches" | "shards" | "windows" | "source"

/** How a source is dealt to ranks. @since 0.1.0 */
export interface Dealing {
  readonly by: DealtBy
  /** How many rows a window has that is dealt; default: those that `shuffleWindow` permutes, or a batch's. */
  readonly window: number | undefined
}

/** Each rank reads all, and has its share of each batch. @since 0.1.0 */
export const SHARED: Dealing = { by: "batches", window: undefined }

/**
 * Returns the option `ranks` of the function `of`, which is one of `kinds`, or `{ windows: n }` if that has `"windows"`. Throws
 * `InvalidOption`.
 *
 * @since 0.1.0
 */
export const dealingOf = (of: string, given: unknown, kinds: ReadonlyArray<DealtBy>): Dealing => {
  if (given === undefined) return SHARED
  const by = kinds.find((kind) => kind === given)
  if (by !== undefined) return { by, window: undefined }
  if (isOptions(given) && Object.keys(given).join() === "windows" && "windows" in given) {
    return { by: "windows", window: whole(`ranks.windows of ${of}`, given.windows as number, 1) } // `whole` checks it
  }
  const expected = `${kinds.map((kind) => JSON.stringify(kind)).join(", ")}, or { windows: n }`
  throw new InvalidOption({ option: `ranks of ${of}`, value: given, expected })
}

/** One of several ranks, and what it is dealt. @since 0.1.0 */
export interface RankPart {
  readonly by: Exclude<DealtBy, "batches">
  readonly rank: number
  readonly world: number
}

/**
 * What a rank is dealt of a source of so many shards; `undefined` if it reads all. Where there are fewer shards than ranks,
 * windows are dealt in their stead.
 *
 * @since 0.1.0
 */
export const partOf = (
  { ranks: { by }, shards }: { readonly ranks: Dealing; readonly shards: ReadonlyArray<unknown> },
  { rank, world }: { readonly rank: number; readonly world: number }
): RankPart | undefined => {
  if (world === 1 || by === "batches") return undefined
  return { by: by === "shards" && shards.length < world ? "windows" : by, rank, world }
}

/** Whether no rank knows how many rows the others have. @since 0.1.0 */
export const isUncounted = (part: RankPart | undefined): boolean => part !== undefined && part.by !== "windows"
