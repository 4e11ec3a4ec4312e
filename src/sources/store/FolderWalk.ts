/**
 * Lists the files below a folder, where links may lead to folders that were listed already, or around in a circle.
 *
 * @since 0.1.0
 */
import { type Listed, NOWHERE, REAL } from "./StoreService.ts"

/** Loaded when used: most programs that import Furrow read no files. */
const files = () => process.getBuiltinModule("node:fs").promises
const paths = () => process.getBuiltinModule("node:path")

/** Deeper folders are not looked at. */
const DEEPEST = 64

/** A folder, or a link to one, by its path and its real path, which both end in `/`. */
interface Place {
  readonly location: string
  /** Relative to the root until a link is met. */
  readonly real: string
  /** How many levels are looked at, this one included. */
  readonly depth: number
}

/** What a walk has found. @since 0.1.0 */
export interface Walked {
  /** Each file once, then the paths that links give to files that were listed already. */
  readonly objects: Iterable<Listed>
  /** Links to folders in which the root lies: they were not followed. */
  readonly around: ReadonlyArray<string>
}

/**
 * The files below a folder. Each folder is read once, by its own path before any link that leads to it. Of a folder with
 * links each file says what its real path is. A link that leads nowhere is listed like a file.
 *
 * @since 0.1.0
 */
export const walk = async (root: string, depth = DEEPEST): Promise<Walked> => {
  const own = new Walk()
  await own.down({ location: root, real: "", depth: Math.min(depth, DEEPEST) })
  const again = own.hasLinks ? await own.follow(root) : { places: [], around: [] }
  return { objects: own.objects(again.places), around: again.around }
}

class Walk {
  /** By its real path, how many levels of a folder were looked at. */
  #seen = new Map<string, number>()
  #links: Array<Place> = []
  #found: Array<Listed> = []
  #isRelative = true

  get hasLinks(): boolean {
    return this.#links.length > 0
  }

  /** Lists a folder and those in it. Links to folders are put off. */
  async down({ location: folder, real, depth }: Place): Promise<void> {
    this.#seen.set(real, depth)
    for (const entry of await files().readdir(folder === "" ? "." : folder, { withFileTypes: true })) {
      const location = `${folder}${entry.name}`
      const file = this.#isRelative ? { location } : { location, [REAL]: `${real}${entry.name}` }
      const inner = { location: `${location}/`, real: `${real}${entry.name}/`, depth: depth - 1 }
      if (entry.isFile()) this.#found.push(file)
      else if (entry.isDirectory() && depth > 1) {
        if (this.#isNew(inner)) await this.down(inner)
        else this.#links.push(inner)
      } else if (entry.isSymbolicLink()) {
        const kind = await files()
          .stat(location)
          .catch(() => undefined)
        // Whoever wants the object learns by its name that it is not there.
        if (kind === undefined) this.#found.push({ ...file, [NOWHERE]: depth > 1 ? "file or folder" : "file" })
        else if (kind.isFile()) this.#found.push(file)
        else if (kind.isDirectory() && depth > 1) this.#links.push(inner)
      }
    }
  }

  /** A folder that was looked at less deep than it is to be is looked at again. */
  #isNew({ depth, real }: Place): boolean {
    return (this.#seen.get(real) ?? 0) < depth
  }

  /** Follows the links that were put off, and those behind them. */
  async follow(root: string): Promise<{ places: ReadonlyArray<Place>; around: ReadonlyArray<string> }> {
    const home = await realFolder(root)
    this.#seen = new Map(Array.from(this.#seen, ([real, depth]) => [home + real, depth]))
    this.#found = this.#found.map((file) => ({ ...file, [REAL]: home + file.location.slice(root.length) }))
    this.#isRelative = false
    const places: Array<Place> = []
    const around: Array<string> = []
    while (this.#links.length > 0) {
      const links = this.#links
      this.#links = []
      // In an order of their names: systems list folders in orders of their own.
      for (const link of links.sort((a, b) => (a.location < b.location ? -1 : 1))) {
        const place = { ...link, real: await realFolder(link.location) }
        if (home !== place.real && home.startsWith(place.real)) around.push(place.location)
        else if (this.#isNew(place)) await this.down(place)
        else places.push(place)
      }
    }
    return { places, around }
  }

  *objects(again: ReadonlyArray<Place>): Iterable<Listed> {
    yield* this.#found
    for (const { location, real } of again) {
      for (const file of this.#found) {
        const own = file[REAL]
        if (own?.startsWith(real)) yield { ...file, location: location + own.slice(real.length) }
      }
    }
  }
}

const realFolder = async (folder: string): Promise<string> => {
  const real = await files().realpath(folder === "" ? "." : folder)
  const path = paths().sep === "\\" ? real.replaceAll("\\", "/") : real
  return path.endsWith("/") ? path : `${path}/`
}
