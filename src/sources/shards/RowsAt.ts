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
  return allRows([block], new Uint32Array(places.size), places.list)
}

/** The same where rows follow one another and can be had together; `undefined` where they cannot. @since 0.1.0 */
export const runIn = <Row>({ run }: DecodedBlock<Row>, { first, size }: Places): Array<Row> | undefined =>
  first === undefined ? undefined : run?.(first, size)

/** Returns the row at each of `places`, of that one of `blocks` whose number is at the same place in `of`. @since 0.1.0 */
export const allRows = <Row>(
  blocks: ReadonlyArray<DecodedBlock<Row>>,
  of: Uint32Array,
  places: ArrayLike<number>
): Array<Row> => {
  const lines = linesAt(blocks, of)
  const together = lines && rowsTogether(lines, places)
  if (together !== undefined && isWhole(together)) return together
  const rowAt = reading(blocks, of, places, lines, together)
  const rows = new Array<Row>(of.length)
  for (let at = 0; at < rows.length; at++) rows[at] = rowAt(at)
  return rows
}

/** The same row by row: what is wrong with one is thrown when that one is read. @since 0.1.0 */
export const rowsAt = <Row>(
  blocks: ReadonlyArray<DecodedBlock<Row>>,
  of: Uint32Array,
  places: ArrayLike<number>
): ((at: number) => Row) => {
  const lines = linesAt(blocks, of)
  return reading(blocks, of, places, lines, lines && rowsTogether(lines, places))
}

const reading = <Row>(
  blocks: ReadonlyArray<DecodedBlock<Row>>,
  of: Uint32Array,
  places: ArrayLike<number>,
  lines: ReadonlyArray<BlockLines<Row>> | undefined,
  together: ReadonlyArray<Row | undefined> | undefined
): ((at: number) => Row) => {
  // Each number is that of a block.
  if (lines === undefined) return (at) => (blocks[of[at] as number] as DecodedBlock<Row>).row(places[at] as number)
  const texts = together === undefined ? jointTexts(lines, places) : undefined
  return (at) => {
    const { alone, parse } = lines[at] as BlockLines<Row> // one of each row
    const place = places[at] as number // as above
    const row = together?.[at]
    if (row !== undefined) return row
    const text = texts?.[at]
    return text === undefined ? alone(place) : parse(text, place)
  }
}

/** The lines of the block of each row; `undefined` if not all blocks are lines. */
const linesAt = <Row>(
  blocks: ReadonlyArray<DecodedBlock<Row>>,
  of: Uint32Array
): ReadonlyArray<BlockLines<Row>> | undefined => {
  const lines: Array<BlockLines<Row>> = []
  for (const { lines: own } of blocks) {
    if (own === undefined) return undefined
    lines.push(own)
  }
  const each = new Array<BlockLines<Row>>(of.length)
  for (let at = 0; at < each.length; at++) each[at] = lines[of[at] as number] as BlockLines<Row> // as above
  return each
}

/** The rows that are parsed together, where the format does that: those that may be bad, or near one that is, are `undefined`. */
const rowsTogether = <Row>(
  lines: ReadonlyArray<BlockLines<Row>>,
  places: ArrayLike<number>
): Array<Row | undefined> | undefined => {
  const { together } = lines[0] ?? {}
  return together && joint(lines, places, together)
}

const isWhole = <Row>(rows: Array<Row | undefined>): rows is Array<Row> => !rows.includes(undefined)
