/**
 * Reads the rows of a batch from their blocks: lines are decoded together, other rows one by one.
 *
 * @since 0.1.0
 */
import type { Places } from "../Columnar.ts"
import type { BlockLines, DecodedBlock } from "../formats/Format.ts"
import { joint, jointTexts } from "../formats/lines/JointTexts.ts"

/** Returns the rows at some places of a block. @since 0.1.0 */
export const rowsIn = <Row>(block: DecodedBlock<Row>, places: Places): Array<Row> => {
  const run = runIn(block, places)
  if (run !== undefined) return run
  const count = places.size
  const { list } = places
  const { lines, row } = block
  const rowAt = lines === undefined ? undefined : rowsOfLines(new Array<BlockLines<Row>>(count).fill(lines), list)
  const rows = new Array<Row>(count)
  for (let at = 0; at < count; at++) rows[at] = rowAt === undefined ? row(list[at] as number) : rowAt(at) // below the length
  return rows
}

/** The same where rows follow one another and can be had together; `undefined` where they cannot. @since 0.1.0 */
export const runIn = <Row>({ run }: DecodedBlock<Row>, { first, size }: Places): Array<Row> | undefined =>
  first === undefined ? undefined : run?.(first, size)

/** Returns what reads the row at each of `places`, of that one of `blocks` whose number is at the same place in `of`. @since 0.1.0 */
export const rowsAt = <Row>(
  blocks: ReadonlyArray<DecodedBlock<Row>>,
  of: Uint32Array,
  places: ArrayLike<number>
): ((at: number) => Row) => {
  const lines: Array<BlockLines<Row>> = []
  for (const { lines: own } of blocks) {
    // Each number is that of a block, here and below.
    if (own === undefined) return (at) => (blocks[of[at] as number] as DecodedBlock<Row>).row(places[at] as number)
    lines.push(own)
  }
  const each = new Array<BlockLines<Row>>(of.length)
  for (let at = 0; at < each.length; at++) each[at] = lines[of[at] as number] as BlockLines<Row>
  return rowsOfLines(each, places)
}

/** The same of lines. */
const rowsOfLines = <Row>(lines: ReadonlyArray<BlockLines<Row>>, places: ArrayLike<number>): ((at: number) => Row) => {
  const { together } = lines[0] ?? {}
  if (together !== undefined) {
    const rows = joint(lines, places, together)
    return (at) => {
      const row = rows[at]
      return row === undefined ? alone(lines, places, at) : row
    }
  }
  const texts = jointTexts(lines, places)
  return (at) => {
    const text = texts[at]
    return text === undefined
      ? alone(lines, places, at)
      : (lines[at] as BlockLines<Row>).parse(text, places[at] as number)
  }
}

const alone = <Row>(lines: ReadonlyArray<BlockLines<Row>>, places: ArrayLike<number>, at: number): Row =>
  (lines[at] as BlockLines<Row>).alone(places[at] as number)
