/**
 * A network in memory between loaders and runners. As TCP does, it neither loses nor reorders bytes of a connection that
 * goes on: they come late and in pieces that are cut anywhere, connections break with what is under way, or go silent, and
 * several connections overtake each other. All of it is drawn from one generator.
 */
import { Buffer } from "node:buffer"
import { Duplex } from "node:stream"
import { setImmediate, setTimeout } from "node:timers"
import type { RunnerInfo } from "../../../src/cluster/Runners.ts"
import type { Rng } from "../../../src/random/Rng.ts"

/** What a sender may have under way before it is told that its bytes have not left. */
const BUFFER = 2 ** 16

/** One direction of a connection. */
class Direction {
  readonly #link: Link
  readonly #to: () => End
  readonly #queue: Array<{ bytes: Buffer; readonly left: (() => void) | undefined } | "end"> = []
  #underWay = 0
  #isMoving = false

  constructor(link: Link, to: () => End) {
    this.#link = link
    this.#to = to
  }

  carry(bytes: Buffer, left: () => void): void {
    const own = Buffer.from(bytes) // the sender may use its memory again
    const isTaken = this.#underWay < BUFFER
    this.#underWay += own.length
    this.#queue.push({ bytes: own, left: isTaken ? undefined : left })
    if (isTaken) left()
    this.move()
  }

  finish(): void {
    this.#queue.push("end")
    this.move()
  }

  /** Brings the next piece, later. */
  move(): void {
    if (this.#isMoving || this.#queue.length === 0 || !this.#link.isOpen) return
    this.#isMoving = true
    this.#link.later(() => {
      this.#isMoving = false
      const to = this.#to()
      const [first] = this.#queue
      if (first === undefined || this.#link.isSilent || !to.isReady || to.destroyed) return
      if (first === "end") {
        this.#queue.shift()
        to.push(null)
        return
      }
      const size = this.#link.cut(first.bytes.length)
      const piece = first.bytes.subarray(0, size)
      first.bytes = first.bytes.subarray(size)
      this.#underWay -= size
      if (first.bytes.length === 0) {
        this.#queue.shift()
        first.left?.()
      }
      this.#link.change(piece)
      to.isReady = to.push(piece)
      this.#link.came(this, piece)
      this.move()
    })
  }
}

/** One side of a connection, which is to who has it as a socket of `node:net`. */
export class End extends Duplex {
  connecting: boolean
  /** Whether its reader takes more. */
  isReady = true
  readonly #link: Link
  #out: Direction | undefined
  #into: Direction | undefined

  constructor(link: Link, connecting: boolean) {
    super({ allowHalfOpen: false })
    this.#link = link
    this.connecting = connecting
  }

  join(out: Direction, into: Direction): void {
    this.#out = out
    this.#into = into
  }

  override _write(bytes: Buffer, _: string, left: () => void): void {
    if (this.#out === undefined) throw new Error("an end that is in no link")
    this.#out.carry(bytes, left)
  }

  override _final(left: () => void): void {
    this.#out?.finish()
    left()
  }

  override _read(): void {
    this.isReady = true
    this.#into?.move()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#link.broke(this)
    done(error)
  }

  setNoDelay(): void {}
  ref(): void {}
  unref(): void {}
}

/** A connection between a loader and a runner. */
class Link {
  readonly loader: End
  readonly runner: End
  readonly #directions: readonly [Direction, Direction]
  readonly #network: Network
  readonly #host: Host
  isOpen = false
  /** Nothing comes any more, and nobody says so. */
  isSilent = false

  constructor(network: Network, host: Host) {
    this.#network = network
    this.#host = host
    this.loader = new End(this, true)
    this.runner = new End(this, false)
    const there = new Direction(this, () => this.runner)
    const back = new Direction(this, () => this.loader)
    this.loader.join(there, back)
    this.runner.join(back, there)
    this.#directions = [there, back]
    this.runner.on("error", () => undefined) // it may break before anybody has it
  }

  open(): void {
    this.isOpen = true
    this.loader.connecting = false
    for (const one of this.#directions) one.move()
  }

  /** What happens to a piece on its way. */
  change(piece: Uint8Array): void {
    this.#network.change?.(piece)
  }

  /** It goes on where it stood. */
  heal(): void {
    this.isSilent = false
    if (this.loader.destroyed || this.runner.destroyed) this.break("the other side knows nothing of it")
    for (const one of this.#directions) one.move()
  }

  break(why: string): void {
    this.isSilent = false
    for (const end of [this.loader, this.runner]) if (!end.destroyed) end.destroy(new Error(why))
  }

  /** The other side hears of it, unless nothing is heard. */
  broke(end: End): void {
    const other = end === this.loader ? this.runner : this.loader
    if (this.loader.destroyed && this.runner.destroyed) this.#host.links.delete(this)
    if (this.isSilent || other.destroyed) return
    this.later(() => {
      if (!this.isSilent && !other.destroyed) other.destroy(new Error("the connection was reset"))
    })
  }

  later(work: () => void): void {
    this.#network.later(work, this.#host.slow)
  }

  cut(length: number): number {
    return this.#network.cut(length)
  }

  came(direction: object, piece: Uint8Array): void {
    this.#network.came(direction, piece)
  }
}

/** Where a runner is, or is not. */
export class Host {
  readonly links = new Set<Link>()
  /** Takes a loader's connection; `undefined` if nobody listens. */
  accept: ((end: End) => void) | undefined
  /** Nothing gets there: connections are silent, and so are those that are begun. */
  isCut = false
  /** How many milliseconds each piece takes at most. */
  slow = 0
  readonly #network: Network

  constructor(network: Network) {
    this.#network = network
  }

  dial(): End {
    const link = new Link(this.#network, this)
    this.links.add(link)
    link.isSilent = this.isCut
    link.later(() => {
      this.#network.came(undefined, undefined)
      if (link.isSilent || link.loader.destroyed) return
      if (this.accept === undefined) link.break("nobody listens there")
      else {
        this.accept(link.runner)
        link.open()
      }
    })
    return link.loader
  }

  /** Connections that are there go silent, or go on; with `all`, so do those that are begun. */
  silence(all: boolean): void {
    this.isCut = all
    for (const link of this.links) link.isSilent = true
  }

  heal(): void {
    this.isCut = false
    this.slow = 0
    for (const link of [...this.links]) {
      // What was begun while it was cut off is begun again by who began it.
      if (link.isOpen) link.heal()
      else link.break("it was not answered")
    }
  }

  /** All connections break. */
  break(): void {
    for (const link of [...this.links]) link.break("the runner is gone")
  }
}

export interface NetworkOptions {
  /** Cuts what comes into pieces of any size. */
  readonly cuts: boolean
  /** How many milliseconds a piece takes at most; 0: it comes at the next turn. */
  readonly delay: number
}

export class Network {
  readonly #rng: Rng
  readonly #options: NetworkOptions
  readonly #hosts = new Map<number, Host>()
  /** Is called at each piece that came, and each dial: time, as far as what happens is drawn by it. */
  onEvent: ((events: number) => void) | undefined
  events = 0
  /** May change each piece before it comes. */
  change: ((piece: Uint8Array) => void) | undefined
  /** Is shown each piece that comes, and by which direction of a connection. */
  tap: ((direction: object, piece: Uint8Array) => void) | undefined

  constructor(rng: Rng, options: NetworkOptions) {
    this.#rng = rng
    this.#options = options
  }

  host(port: number): Host {
    const own = this.#hosts.get(port) ?? new Host(this)
    this.#hosts.set(port, own)
    return own
  }

  readonly dial = ({ port }: RunnerInfo): End => this.host(port).dial()

  /** The ends that are open, of either side. */
  get ends(): number {
    let ends = 0
    for (const { links } of this.#hosts.values())
      for (const { loader, runner } of links) ends += Number(!loader.destroyed) + Number(!runner.destroyed)
    return ends
  }

  later(work: () => void, slow: number): void {
    const most = Math.max(slow, this.#options.delay)
    if (most === 0 || (slow === 0 && this.#rng.integer(4) > 0)) setImmediate(work)
    else setTimeout(work, 1 + this.#rng.integer(most))
  }

  cut(length: number): number {
    return this.#options.cuts && length > 1 && this.#rng.integer(3) === 0 ? 1 + this.#rng.integer(length - 1) : length
  }

  came(direction: object | undefined, piece: Uint8Array | undefined): void {
    if (direction !== undefined && piece !== undefined) this.tap?.(direction, piece)
    this.onEvent?.(++this.events)
  }
}
