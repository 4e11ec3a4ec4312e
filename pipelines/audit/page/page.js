// A cursor on each map, by keyboard and pointer, and a line that says what the pair under it is. The page is whole
// without it.

const SVG = "http://www.w3.org/2000/svg"

/** Makes a map one that can be walked. */
const enliven = (figure) => {
  const scroll = figure.querySelector(".scroll")
  const tiles = figure.querySelector(".tiles")
  const readout = figure.querySelector(".readout")
  const hint = "Point at a pair, or focus the map and walk with the arrow keys."
  let data
  let pairs
  let row = 0
  let column = 0
  let shown = false
  const marks = { across: undefined, down: undefined, cursor: undefined }

  /** The data is read when it is first needed: a page of many maps opens at once. */
  const read = () => {
    if (data !== undefined) return
    data = JSON.parse(figure.querySelector("script").textContent)
    pairs = new Map()
    for (const [first, second, equal, shifted, shift] of data.meetings) {
      const found = { equal, shifted, shift }
      pairs.set(first * data.cells.length + second, found)
      pairs.set(second * data.cells.length + first, found)
    }
    for (const name of Object.keys(marks)) {
      marks[name] = document.createElementNS(SVG, "rect")
      marks[name].setAttribute("class", name === "cursor" ? "cursor" : "cross")
      tiles.append(marks[name])
    }
  }

  const place = (index) => {
    const [run, epoch, rank, worker] = data.cells[index]
    return `run ${data.runs[run]}, epoch ${epoch}, ${data.ranks ? `rank ${rank}, ` : ""}worker ${worker}`
  }

  const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`

  const found = (first, second) => {
    const own = pairs.get(row * data.cells.length + column)
    if (own === undefined) return first === second ? "itself" : "nothing in common"
    const streams = data.cells[second][4]
    const said = []
    if (first === second) {
      if (own.equal > 0) said.push(`itself, and ${own.equal} of its ${streams} streams repeat another of them`)
      else said.push("itself")
    } else if (own.equal >= streams) {
      said.push(streams === 1 ? "the same stream" : `the same streams, all ${streams}`)
    } else if (own.equal > 0) {
      said.push(`the same streams, ${own.equal} of ${streams}`)
    }
    if (own.shifted > 0) {
      const verb = own.shifted === 1 ? "runs" : "run"
      said.push(`${count(own.shifted, "stream")} ${verb} into another, the nearest after ${count(own.shift, "word")}`)
    }
    return said.join("; ")
  }

  const box = (mark, x, y, width, height) => {
    const sizes = { x, y, width, height }
    for (const [name, value] of Object.entries(sizes)) mark.setAttribute(name, value)
    mark.removeAttribute("display")
  }

  const show = () => {
    const { side, starts } = data
    const whole = starts[starts.length - 1] + side
    const [x, y] = [starts[column], starts[row]]
    box(marks.across, 0, y, whole, side)
    box(marks.down, x, 0, side, whole)
    box(marks.cursor, x, y, side, side)
    // A meeting is kept with the earlier place first.
    const [first, second] = row <= column ? [row, column] : [column, row]
    const names = row === column ? place(row) : `${place(row)} and ${place(column)}`
    readout.textContent = `${names}: ${found(first, second)}`
    readout.classList.add("telling")
    shown = true
  }

  const hide = () => {
    for (const mark of Object.values(marks)) mark?.setAttribute("display", "none")
    readout.textContent = hint
    readout.classList.remove("telling")
    shown = false
  }

  /** Keeps the cursor in sight where the map is wider than the window; the rows' labels cover its left. */
  const reveal = () => {
    const labels = figure.querySelector(".rows").getBoundingClientRect().width
    const own = marks.cursor.getBoundingClientRect()
    const view = scroll.getBoundingClientRect()
    if (own.left < view.left + labels) scroll.scrollLeft -= view.left + labels - own.left + 8
    else if (own.right > view.right) scroll.scrollLeft += own.right - view.right + 8
    const top = document.querySelector("nav").getBoundingClientRect().bottom
    const bottom = Math.min(innerHeight, readout.getBoundingClientRect().top)
    if (own.top < top) scrollBy({ top: own.top - top - 24, behavior: "instant" })
    else if (own.bottom > bottom) scrollBy({ top: own.bottom - bottom + 24, behavior: "instant" })
  }

  /** The next pair that meets, in reading order, from the cursor on; round at the end. */
  const seek = (step) => {
    const all = data.cells.length ** 2
    let at = row * data.cells.length + column
    for (let tried = 0; tried < all; tried++) {
      at = (at + step + all) % all
      if (pairs.has(at)) break
    }
    row = Math.floor(at / data.cells.length)
    column = at % data.cells.length
  }

  /** The first row of the epoch before or after. */
  const leap = (step) => {
    const key = (index) => data.cells[index].slice(0, 2).join()
    const last = data.cells.length - 1
    const from = key(row)
    while (row + step >= 0 && row + step <= last && key(row) === from) row += step
    while (row > 0 && key(row - 1) === key(row)) row--
  }

  const keys = {
    ArrowUp: () => (row = Math.max(0, row - 1)),
    ArrowDown: () => (row = Math.min(data.cells.length - 1, row + 1)),
    ArrowLeft: () => (column = Math.max(0, column - 1)),
    ArrowRight: () => (column = Math.min(data.cells.length - 1, column + 1)),
    Home: (far) => {
      column = 0
      if (far) row = 0
    },
    End: (far) => {
      column = data.cells.length - 1
      if (far) row = column
    },
    PageUp: () => leap(-1),
    PageDown: () => leap(1),
    n: () => seek(1),
    p: () => seek(-1)
  }

  scroll.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey) return
    if (event.key === "Escape") {
      if (shown) hide()
      return
    }
    const far = event.ctrlKey
    const move = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key]
    if (move === undefined || (far && event.key !== "Home" && event.key !== "End")) return
    event.preventDefault()
    read()
    // The first key shows where the cursor is.
    if (shown || event.key.length === 1) move(far)
    show()
    reveal()
  })

  const point = (event) => {
    read()
    const bounds = tiles.getBoundingClientRect()
    const at = (position) => {
      for (let index = data.starts.length - 1; index > 0; index--) if (data.starts[index] <= position) return index
      return 0
    }
    row = at(event.clientY - bounds.top)
    column = at(event.clientX - bounds.left)
    show()
  }
  tiles.addEventListener("pointermove", point)
  tiles.addEventListener("pointerdown", point)

  scroll.setAttribute("role", "application")
  scroll.setAttribute("aria-label", tiles.getAttribute("aria-label"))
  scroll.setAttribute("aria-roledescription", "heat map")
  scroll.setAttribute("aria-describedby", "keys")
  readout.hidden = false
  readout.textContent = hint
}

for (const figure of document.querySelectorAll(".map")) if (figure.querySelector(".tiles")) enliven(figure)

// What is folded is printed, too.
const folded = []
addEventListener("beforeprint", () => {
  for (const own of document.querySelectorAll("details:not([open])")) {
    own.open = true
    folded.push(own)
  }
})
addEventListener("afterprint", () => {
  for (const own of folded.splice(0)) own.open = false
})
