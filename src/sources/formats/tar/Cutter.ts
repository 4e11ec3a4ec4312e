/**
 * Cuts a tar that comes in order into blocks: all samples of which the last file is there.
 *
 * Keys that come back after other samples are not noticed here: to know all that went before takes memory without a bound.
 *
 * @since 0.1.0
 */
import type { Fault } from "../Fault.ts"
import type { CutBlock, Cutter } from "../Format.ts"
import { isZero, windowOf } from "./Header.ts"
import { Samples } from "./Samples.ts"
import { cutShort } from "./Scan.ts"
import { Walk } from "./Walk.ts"

/** Cuts a shard from an offset on, at which a sample begins. @since 0.1.0 */
export const cutter = (maxBlockBytes: number, from: number, fault: Fault): Cutter => {
  const walk = new Walk(from, Number.POSITIVE_INFINITY, fault)
  const samples = new Samples(fault)
  /** Where the samples that were not given yet begin: all but the last have their files. */
  let starts: Array<number> = []
  let isOver = false

  const given = (end: number): CutBlock => {
    const [first = end] = starts
    const rows = starts.filter((start) => start < end).length
    starts = starts.filter((start) => start >= end)
    return { block: { rows, offset: first, length: end - first } }
  }

  return {
    seeks: true,
    next: (bytes, offset, row, isLast) => {
      const window = windowOf(bytes, offset)
      while (!isOver) {
        const member = walk.next(window)
        if (member === "end") isOver = true
        else if (member === "more") break
        else {
          const sample = samples.add(member)
          if (sample !== undefined) starts.push(sample.start)
        }
      }
      const end = offset + bytes.length
      if (isOver) {
        const zeros = walk.at - offset
        if (!isZero(bytes, Math.max(0, zeros), bytes.length)) {
          const reason = "the archive ends here, and something else follows, such as another archive"
          throw fault(`${reason}; write them as one tar (tar --ignore-zeros), or as a shard each`, { byte: walk.at })
        }
        if (starts.length > 0) return given(walk.at)
        return bytes.length === 0 ? undefined : { block: { rows: 0, offset, length: bytes.length } }
      }
      if (isLast) throw cutShort(walk.at, end, fault)
      const last = starts.at(-1)
      if (last !== undefined && starts.length > 1) return given(last)
      if (bytes.length > maxBlockBytes) {
        const reason = `one sample has more than ${maxBlockBytes} bytes; raise maxBlockBytes, or write smaller samples`
        throw fault(reason, { row, byte: offset })
      }
      return undefined
    }
  }
}
