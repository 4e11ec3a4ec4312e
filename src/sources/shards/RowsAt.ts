/**
 * Reads the rows of a batch from their blocks: lines are decoded together, other rows one by one.
 *
 * @since 0.1.0
 */
import type { BlockLines, DecodedBlock } from "../formats/Format.ts"
import { jointTexts } from "../formats/lines/JointTexts.ts"

/** Returns the rows at some places of a block. @since 0.1.0 */
export const rowsIn = <Row>({ lines, row }: DecodedBlock<Row>, places: ArrayLike<number>): Array<Row> => {
  const count = places.length
  const rows = new Array<Row>(count)
  const texts = lines === undefined ? [] : jointTexts(new Array<BlockLines<Row>>(count).fill(lines), places)
  for (let at = 0; at < count; at++) {
    const place = places[at] as number // below the length
    const text = texts[at]
    rows[at] = text === undefined || lines === undefined ? (lines?.alone ?? row)(place) : lines.parse(text, place)
  }
  return rows
}

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
