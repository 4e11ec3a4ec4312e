/**
 * Places that repeat each other, as groups: the colors of the map.
 */
import type { SeedAudit } from "../../../src/index.ts"

export interface Groups {
  /** Each cell's group; `undefined` where it meets none, not even itself. */
  readonly of: ReadonlyArray<number | undefined>
  /** Each group's cells, in order. */
  readonly members: ReadonlyArray<ReadonlyArray<number>>
}

/** Cells that meet, directly or by others, are one group. Groups are numbered by their first cells. */
export const groupsOf = ({ cells, meetings }: SeedAudit.RunReport): Groups => {
  const parents = cells.map((_, index) => index)
  const root = (index: number): number => {
    let own = index
    for (;;) {
      const parent = parents[own] ?? own
      if (parent === own) return own
      // Halving the way keeps the next ones short.
      parents[own] = parents[parent] ?? parent
      own = parent
    }
  }
  const meets = new Set<number>()
  for (const { first, second } of meetings) {
    meets.add(first).add(second)
    const [a, b] = [root(first), root(second)]
    parents[Math.max(a, b)] = Math.min(a, b)
  }
  const numbers = new Map<number, number>()
  const members: Array<Array<number>> = []
  const of = cells.map((_, index) => {
    if (!meets.has(index)) return undefined
    const own = root(index)
    const number = numbers.get(own) ?? numbers.size
    numbers.set(own, number)
    const list = members[number] ?? []
    members[number] = list
    list.push(index)
    return number
  })
  return { of, members }
}
