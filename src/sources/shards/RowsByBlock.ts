/**
 * The blocks that the rows of a batch lie in.
 *
 * @since 0.1.0
 */
import { Places, runFrom } from "../Columnar.ts"
import type { ShardError } from "../formats/Format.ts"
import type { Snapshot } from "./Snapshot.ts"

/** Whether an index is one of `size`. @since 0.1.0 */
export const within = (index: number, size: number): boolean => index >= 0 && index < size && Number.isInteger(index)

/** Some rows of a batch that lie in one block. @since 0.1.0 */
export interface Asked {
  readonly block: number
  /** The places of the rows in the batch. */
  readonly places: Array<number>
}

/** The rows of a batch that are bad, by their places. @since 0.1.0 */
export class BadRows {
  /** Whether those that are bad count as given: of a whole batch they do, since other attempts read them alone. */
  readonly areGiven: boolean
  readonly errors = new Map<number, ShardError>()
  /** The blocks of which no row can be read. */
  readonly blocks = new Map<number, ShardError>()
  #first = Number.POSITIVE_INFINITY

  constructor(areGiven: boolean) {
    this.areGiven = areGiven
  }

  note(place: number, error: ShardError): void {
    this.errors.set(place, error)
    if (place < this.#first) this.#first = place
  }

  /** Notes that a block cannot be read. */
  noteBlock({ block, places }: Asked, error: ShardError): void {
    this.blocks.set(block, error)
    for (const place of places) this.note(place, error)
  }

  /** The error of the first one, whichever block was read first. */
  get first(): ShardError | undefined {
    return this.errors.get(this.#first)
  }
}

/** Groups the rows of a batch by blocks, in the order in which the blocks first come. @since 0.1.0 */
export const grouped = (snapshot: Snapshot, indices: ArrayLike<number>): ReadonlyArray<Asked> => {
  const groups: Array<Asked> = []
  const known = new Map<number, Asked>()
  const { starts } = snapshot
  let last: Asked | undefined
  for (let place = 0; place < indices.length; place++) {
    const index = indices[place] as number // below the length
    const near = last?.block
    const block =
      near !== undefined && index >= (starts[near] as number) && index < (starts[near + 1] as number) // a block's ends
        ? near
        : snapshot.blockOf(index)
    if (block !== near) last = known.get(block)
    if (last === undefined) {
      last = { block, places: [] }
      known.set(block, last)
      groups.push(last)
    }
    last.places.push(place)
  }
  return groups
}

/** The rows of samples in the block that all of them are in; `undefined` if they are not in one. @since 0.1.0 */
export const placesIn = ({ blockOf, size, starts }: Snapshot, indices: ArrayLike<number>): Places | undefined => {
  const index = indices[0] ?? -1
  if (!within(index, size)) return undefined
  const block = blockOf(index)
  const first = starts[block] as number // a block that there is
  const rows = (starts[block + 1] as number) - first // as above
  const count = indices.length
  if (runFrom(indices, 0) === count) {
    return within(index - first + count - 1, rows) ? Places.run(index - first, count) : undefined
  }
  const places = new Float64Array(count)
  for (let at = 0; at < count; at++) {
    const place = (indices[at] as number) - first // below the count
    if (!within(place, rows)) return undefined
    places[at] = place
  }
  return Places.of(places)
}
