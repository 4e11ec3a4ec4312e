/**
 * The rivals for tars: one loop from header to header, with no more checks than it needs to find its way. One reads each shard
 * whole, one a stretch at a time, as fresh memory costs more than another read.
 */
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs"
import { BATCH } from "../loads/tar.ts"

const utf8 = new TextDecoder()

/** What a batch holds: lists, one item a photo. */
interface Photos {
  readonly key: Array<string>
  readonly jpg: Array<Uint8Array>
  readonly cls: Array<number>
  readonly json: Array<unknown>
}

const empty = (): Photos => ({ key: [], jpg: [], cls: [], json: [] })

/** Takes the files of shards one by one, and puts them into batches. */
class Batches {
  seen = 0
  #batch = empty()
  #key = ""

  /** Takes the files that lie whole in `bytes`; returns where the first one stands that does not, or the end. */
  take(bytes: Uint8Array): number {
    let at = 0
    while (at + 512 <= bytes.length && bytes[at] !== 0) {
      let size = 0
      for (let place = at + 124; place < at + 135; place++) size = size * 8 + (bytes[place] as number) - 48 // in the header
      const start = at + 512
      const end = start + Math.ceil(size / 512) * 512
      if (end > bytes.length) return at
      let name = ""
      for (let place = at; bytes[place] !== 0; place++) name += String.fromCharCode(bytes[place] as number) // as above
      const dot = name.indexOf(".", name.lastIndexOf("/") + 1)
      const own = name.slice(0, dot)
      if (own !== this.#key) {
        if (this.#batch.key.length === BATCH) {
          this.seen += this.#batch.jpg.length
          this.#batch = empty()
        }
        this.#key = own
        this.#batch.key.push(own)
      }
      const body = bytes.subarray(start, start + size)
      const extension = name.slice(dot + 1)
      if (extension === "jpg") this.#batch.jpg.push(body)
      else if (extension === "cls") this.#batch.cls.push(Number(utf8.decode(body)))
      else this.#batch.json.push(JSON.parse(utf8.decode(body)))
      at = end
    }
    return at
  }

  end(): number {
    return this.seen + this.#batch.jpg.length
  }
}

/** One epoch; gives the number of samples. */
export const wholeLoop = (paths: ReadonlyArray<string>): number => {
  const batches = new Batches()
  for (const path of paths) batches.take(readFileSync(path))
  return batches.end()
}

const STRETCH = 2 ** 20

/** The same, by stretches; no file is longer. */
export const stretchLoop = (paths: ReadonlyArray<string>): number => {
  const batches = new Batches()
  for (const path of paths) {
    const { size } = statSync(path)
    const file = openSync(path, "r")
    for (let at = 0; at < size; ) {
      const bytes = new Uint8Array(Math.min(STRETCH, size - at))
      readSync(file, bytes, 0, bytes.length, at)
      const taken = batches.take(bytes)
      // Zeros: the end.
      if (taken === 0) break
      at += taken
    }
    closeSync(file)
  }
  return batches.end()
}
