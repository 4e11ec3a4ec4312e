/**
 * Reads the rows of a batch from their blocks: lines are decoded together, other rows one by one.
 *
 * @since 0.1.0
 */
import type { Places } from "../Columnar.ts"
import type { BlockLines, DecodedBlock } from "../formats/Format.ts"
import { jointTexts } from "../formats/lines/JointTexts.ts"

/** Returns the rows at some places of a block. @since 0.1.0 */
export const rowsIn = <Row>(block: DecodedBlock<Row>, places: Places): Array<Row> => {
  const run = runIn(block, places)
  if (run !== undefined) return run
  const count = places.size
  const { list } = places
  const { lines, row } = block
  const rows = new Array<Row>(count)
  const texts = lines === undefined ? [] : jointTexts(new Array<BlockLines<Row>>(count).fill(lines), list)
  for (let at = 0; at < count; at++) {
    const place = list[at] as number // below the length
    const text = texts[at]
    rows[at] = text === undefined || lines === undefined ? (lines?.alone ?? row)(place) : lines.parse(text, place)
  }
  return rows
}

/** The same where rows follow one another and can be had together; `undefined` where they cannot. @since 0.1.0 */
export const runIn = <Row>({ run }: DecodedBlock<Row>, { first, size }: Places): Array<Row> | undefined =>
  first === undefined ? undefined : run?.(first, size)

/** Returns what reads the row at each of `places`, of the block at the same place in `blocks`. @since 0.1.0 */
export const rowsAt = <Row>(
  blocks: ReadonlyArray<DecodedBlock<Row>>,
  places: ArrayLike<number>
): ((at: number) => Row) => {
  const lines = new Array<BlockLines<Row>>(blocks.length)
  for (let at = 0; at < lines.length; at++) {
    const own = (blocks[at] as DecodedBlock<Row>).lines // below the length, as all here
    if (own === undefined) return (at) => (blocks[at] as DecodedBlock<Row>).row(places[at] as number)
    lines[at] = own
  }
  const texts = jointTexts(lines, places)
  return (at) => {
    const own = lines[at] as BlockLines<Row>
    const place = places[at] as number
    const text = texts[at]
    return text === undefined ? own.alone(place) : own.parse(text, place)
  }
}
