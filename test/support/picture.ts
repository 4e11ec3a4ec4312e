/**
 * Draws rooms on their floors with the arrows between them, as SVG: what `docs/architecture.svg` is made of.
 */

/** A room: its name, and a few words on what it is for. */
export interface Room {
  readonly name: string
  readonly says: string
}

/** One room imports another. */
export type Arrow = readonly [from: string, to: string]

const WIDTH = 860
const HEIGHT = 46
const GAP = 34
const MARGIN = 24
const LETTER = 6.4

/** The arrows that do not follow from the others: `a → c` is left out where there are `a → b` and `b → c`. */
export const reduced = (arrows: ReadonlyArray<Arrow>): ReadonlyArray<Arrow> => {
  const next = new Map<string, Array<string>>()
  for (const [from, to] of arrows) next.set(from, [...(next.get(from) ?? []), to])
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    (next.get(from) ?? []).some((one) => {
      if (one === to) return true
      if (seen.has(one)) return false
      seen.add(one)
      return reaches(one, to, seen)
    })
  return arrows.filter(
    ([from, to]) => !(next.get(from) ?? []).some((between) => between !== to && reaches(between, to))
  )
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly floor: number
}

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

/**
 * The picture of a house: a row for each floor, from top to bottom, and the arrows that do not follow from others. An
 * arrow that passes a floor bows around its rooms.
 */
export const picture = (floors: ReadonlyArray<ReadonlyArray<Room>>, arrows: ReadonlyArray<Arrow>): string => {
  const boxes = new Map<string, Box>()
  floors.forEach((rooms, floor) => {
    const widths = rooms.map(({ name, says }) => 28 + LETTER * Math.max(name.length * 1.15, says.length))
    const all = widths.reduce((sum, width) => sum + width, 0) + 28 * (rooms.length - 1)
    let x = (WIDTH - all) / 2
    rooms.forEach(({ name }, at) => {
      const width = widths[at] ?? 0
      boxes.set(name, { x, y: MARGIN + floor * (HEIGHT + GAP), width, floor })
      x += width + 28
    })
  })
  const height = 2 * MARGIN + floors.length * (HEIGHT + GAP) - GAP
  const passing = { left: 0, right: 0 }
  const lines = reduced(arrows).flatMap(([from, to]) => {
    const [a, b] = [boxes.get(from), boxes.get(to)]
    if (a === undefined || b === undefined) return []
    const [x1, y1] = [a.x + a.width / 2, a.y + HEIGHT]
    const [x2, y2] = [b.x + b.width / 2, b.y]
    if (b.floor === a.floor + 1) return [`<path d="M${x1.toFixed(0)} ${y1}L${x2.toFixed(0)} ${y2 - 6}"/>`]
    // Beside the rooms that it passes.
    const widest = Math.max(
      ...floors.slice(a.floor + 1, b.floor).map((rooms) => {
        const [first] = rooms.map(({ name }) => boxes.get(name)?.x ?? 0)
        return WIDTH / 2 - (first ?? 0)
      })
    )
    const away = Math.abs(x2 - WIDTH / 2) > 1 ? x2 - WIDTH / 2 : x1 - WIDTH / 2
    const right = away > 1 || (away >= -1 && passing.right <= passing.left)
    const side = right ? 1 : -1
    const before = right ? passing.right++ : passing.left++
    const x = WIDTH / 2 + side * Math.min(WIDTH / 2 - 8, widest + 18 + 14 * before)
    const end = side === 1 ? b.x + b.width + 6 : b.x - 6
    const yb = b.y + HEIGHT / 2
    const at = (value: number): string => value.toFixed(0)
    return [
      `<path d="M${at(x1)} ${y1}C${at(x1)} ${y1 + GAP / 2} ${at(x)} ${y1 + GAP / 2} ${at(x)} ${y1 + GAP}` +
        `L${at(x)} ${yb - 30}C${at(x)} ${yb} ${at(x)} ${yb} ${at(end)} ${yb}"/>`
    ]
  })
  const rooms = floors.flat().flatMap(({ name, says }) => {
    const box = boxes.get(name)
    if (box === undefined) return []
    const middle = (box.x + box.width / 2).toFixed(0)
    return [
      `<rect x="${box.x.toFixed(0)}" y="${box.y}" width="${box.width.toFixed(0)}" height="${HEIGHT}" rx="6"/>`,
      `<text x="${middle}" y="${box.y + 19}" class="name">${escaped(name)}</text>`,
      `<text x="${middle}" y="${box.y + 36}">${escaped(says)}</text>`
    ]
  })
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="The rooms of src/, from top to bottom, and which imports which">`,
    "<style>",
    "svg { background: #fff } text { font: 12px system-ui, sans-serif; fill: #444; text-anchor: middle }",
    ".name { font: 600 13px ui-monospace, monospace; fill: #111 } rect { fill: #f4f1ea; stroke: #8a7f6a }",
    "path { fill: none; stroke: #6b7f8f; stroke-width: 1.3; marker-end: url(#tip) }",
    "</style>",
    '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="2" refY="4" orient="auto"><path d="M0 0L8 4L0 8Z" style="fill:#6b7f8f;stroke:none;marker-end:none"/></marker></defs>',
    ...lines,
    ...rooms,
    "</svg>"
  ].join("\n")}\n`
}
