/**
 * Room in a cache folder that several processes share, without a lock that one could leave behind.
 *
 * A process that wants to write makes an empty file with the bytes that it reserves in its name, and only then looks how
 * much there is: of two that do so at once, the one that looks last sees both. Blocks and reservations together stay within
 * the bound. Where there is too much, the blocks that were not used for the longest time are removed. What a killed process
 * leaves behind is removed by the others after two minutes, and counted until then.
 *
 * @since 0.1.0
 */
import { files } from "../../../core/runtime.ts"

/** A process reserves a 32nd of the bound, and so looks no more often than 32 times until all of it has been rewritten. */
const SHARE = 32

/**
 * A process gives a reservation up after the first time. What is older than the others was left behind: a block that was
 * being written, and, later than that, the reservation that it was written in, which counts for it.
 */
const HELD_MS = 30_000
const STALE_MS = { part: 120_000, held: 180_000 } as const

/** Names in the folder: blocks, reservations, blocks that are being written. The first two end in the bytes that count. */
const BLOCK = /^[0-9a-f]{32}-\d{1,12}-(\d{1,15})$/
const HELD = /^held-[0-9a-f-]{36}-(\d{1,15})$/
const PART = /^part-[0-9a-f-]{36}$/

/** The path of a new file for a block that is being written. @since 0.1.0 */
export const partPath = (folder: string): string => `${folder}/part-${crypto.randomUUID()}`

/** At most so many files are looked at at once. */
const AT_ONCE = 64

/** Times of use are known for so many blocks without a look at their files. */
const KNOWN = 100_000

interface Reservation {
  readonly path: string
  readonly since: number
  left: number
  writing: number
  isGivenUp: boolean
}

/** @since 0.1.0 */
export class Space {
  readonly #folder: string
  readonly #bytes: number
  /** When this process last used a block; times of files are exact to the second on some file systems. */
  readonly #used = new Map<string, number>()
  #own: Reservation | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(folder: string, bytes: number) {
    this.#folder = folder
    this.#bytes = bytes
  }

  /** Whether this process has used a block, and not removed it since. */
  knows(name: string): boolean {
    return this.#used.has(name)
  }

  /** Notes that a block is used; `true` if its file is to be told, too. */
  use(name: string, now: number): boolean {
    const before = this.#used.get(name)
    if (this.#used.size >= KNOWN) this.#used.clear()
    this.#used.set(name, now)
    return before === undefined || now - before > 1000
  }

  /** Runs `write`, which adds a file of so many bytes to the folder; `false` if there is no room for it. */
  async within(bytes: number, write: () => Promise<void>): Promise<boolean> {
    const own = await this.#reserved(bytes)
    if (own === undefined) return false
    try {
      await write()
      return true
    } finally {
      own.writing--
      // What is left would do for no other block of this size.
      if (own === this.#own && own.writing === 0 && own.left < bytes) await this.close()
      await this.#release(own)
    }
  }

  /** Gives up what is reserved. */
  async close(): Promise<void> {
    const own = this.#own
    this.#own = undefined
    if (own === undefined) return
    own.isGivenUp = true
    await this.#release(own)
  }

  /** Takes bytes from the reservation, or makes one; one after the other. */
  #reserved(bytes: number): Promise<Reservation | undefined> {
    const turn = this.#turn.then(async () => {
      const now = performance.now()
      const old = this.#own
      if (old !== undefined && old.left >= bytes && now - old.since < HELD_MS) return taken(old, bytes)
      await this.close()
      const own = await this.#reserve(Math.max(bytes, Math.floor(this.#bytes / SHARE)), bytes, now)
      this.#own = own
      return own === undefined ? undefined : taken(own, bytes)
    })
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #reserve(wanted: number, least: number, since: number): Promise<Reservation | undefined> {
    const path = `${this.#folder}/held-${crypto.randomUUID()}-${wanted}`
    await files().writeFile(path, "", { flag: "wx", mode: 0o600 })
    let isHeld = false
    try {
      isHeld = await this.#makeRoom(path)
    } finally {
      if (!isHeld) await files().rm(path, { force: true })
    }
    if (isHeld) return { path, since, left: wanted, writing: 0, isGivenUp: false }
    return wanted > least ? this.#reserve(least, least, since) : undefined
  }

  async #release(own: Reservation): Promise<void> {
    if (own.isGivenUp && own.writing === 0) await files().rm(own.path, { force: true })
  }

  /** Removes the blocks that were not used for the longest time, until all that is there is within the bound. */
  async #makeRoom(own: string): Promise<boolean> {
    const blocks: Array<readonly [name: string, bytes: number]> = []
    const others: Array<readonly [path: string, bytes: number, stale: number]> = []
    let total = 0
    for (const name of await files().readdir(this.#folder)) {
      const path = `${this.#folder}/${name}`
      const [block, held] = [BLOCK.exec(name), HELD.exec(name)]
      const bytes = Number((block ?? held)?.[1] ?? 0)
      total += bytes
      if (block !== null) blocks.push([name, bytes])
      else if (held !== null && path !== own) others.push([path, bytes, STALE_MS.held])
      else if (PART.test(name)) others.push([path, 0, STALE_MS.part])
    }
    // By the clock of the file system, which other machines see, too.
    const now = (await files().stat(own)).mtimeMs
    for (const [path, bytes, stale] of others) {
      const time = await timeOf(path)
      // A reservation that is gone by now may have become a block that the listing does not have: its bytes count.
      if (time === undefined || now - time < stale) continue
      await files().rm(path, { force: true })
      total -= bytes
    }
    if (total <= this.#bytes) return true
    const aged = await this.#aged(blocks)
    for (const [name, bytes] of aged) {
      if (total <= this.#bytes) break
      await files().rm(`${this.#folder}/${name}`, { force: true })
      this.#used.delete(name)
      total -= bytes
    }
    return total <= this.#bytes
  }

  /** The blocks, from the one that was not used for the longest time on. */
  async #aged(blocks: ReadonlyArray<readonly [name: string, bytes: number]>) {
    const times = new Map<string, number>()
    for (let at = 0; at < blocks.length; at += AT_ONCE) {
      await Promise.all(
        blocks.slice(at, at + AT_ONCE).map(async ([name]) => {
          times.set(name, Math.max((await timeOf(`${this.#folder}/${name}`)) ?? 0, this.#used.get(name) ?? 0))
        })
      )
    }
    return blocks.toSorted(([a], [b]) => (times.get(a) ?? 0) - (times.get(b) ?? 0))
  }
}

const taken = (own: Reservation, bytes: number): Reservation => {
  own.left -= bytes
  own.writing++
  return own
}

/** When a file was last written or used; `undefined` if it is gone. */
const timeOf = (path: string): Promise<number | undefined> =>
  files()
    .stat(path)
    .then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined
    )
