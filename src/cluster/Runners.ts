/**
 * Which runners a loader can ask for batches, and which of them is nearest to a lane's data.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { whole } from "../core/Check.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { shownInvalid } from "../sources/store/Location.ts"

/** A process that builds batches. @category models @since 0.1.0 */
export interface RunnerInfo {
  /** A process that is started again has another one. In a fixed list it is the address. */
  readonly id: string
  readonly host: string
  /** Where it listens for loaders. */
  readonly port: number
  /** How many batches it builds at once. */
  readonly threads: number
}

/**
 * It cannot be told which runners there are: for example because the database does not answer.
 *
 * @category errors
 * @since 0.1.0
 */
export class RunnersError extends Data.TaggedError("RunnersError")<{
  readonly reason: string
  readonly cause?: unknown
  /** Whether it stays so until somebody sets an address, a password, or rights right: a run that knows no runner fails at once. */
  readonly isLasting?: boolean
}> {
  override get message(): string {
    return `the list of runners cannot be read: ${this.reason}`
  }
}

/** @category models @since 0.1.0 */
export interface Service {
  /**
   * The runners that there are: at once, and again each time that they change. Loaders keep the last list if it fails or
   * ends, and try to reach each runner of it for themselves.
   */
  readonly changes: Stream.Stream<ReadonlyArray<RunnerInfo>, RunnersError>
  /**
   * The id of the runner that is asked first for the batches of a lane, of so many: a hint, so that the same blocks are
   * read by the same runner. `undefined` if it makes no difference. Called often; it must be fast.
   */
  readonly owner: (lane: number, lanes: number) => string | undefined
  /**
   * Whether no runner will ever be added: a run that all of them refuse then fails at once. Otherwise it waits for others, as
   * if there were none. Default `false`.
   */
  readonly isFixed?: boolean
  /** Where runners are looked for, as messages say it, without secrets: `"postgres://furrow@db/furrow"`. */
  readonly place?: string
  /** How often the list could not be read so far, each time however long it took. */
  readonly outages?: () => number
}

/** The tag of the runners that a loader asks. @category services @since 0.1.0 */
export class Runners extends Context.Tag("furrow/Runners")<Runners, Service>() {}

/** Where a runner listens: `"host:port"`, `"[::1]:7718"`, or the parts. @category options @since 0.1.0 */
export type Address = string | { readonly host: string; readonly port: number; readonly threads?: number }

/**
 * Runners at fixed addresses, without a database: those that are not up are tried again from time to time. Fails with
 * `InvalidOption` if an address is invalid.
 *
 * @category layers
 * @since 0.1.0
 */
export const list = (addresses: ReadonlyArray<Address>): Layer.Layer<Runners, InvalidOption> =>
  Layer.effect(
    Runners,
    checked(() => {
      const all = addresses.map(runnerAt)
      return {
        changes: Stream.concat(Stream.make(all), Stream.never),
        isFixed: true,
        place: "the list of Runners.list",
        owner: (lane, lanes) => ownerOf(all, lane, lanes)?.id
      }
    })
  )

/** The runner of a lane where lanes are dealt in equal parts, so that those next to each other are with one runner. @since 0.1.0 */
export const ownerOf = <A>(all: ReadonlyArray<A>, lane: number, lanes: number): A | undefined =>
  all[Math.floor(((lane % lanes) * all.length) / lanes)]

/** Throws `InvalidOption`. */
const runnerAt = (address: Address): RunnerInfo => {
  const { host, port, threads = 1 } = typeof address === "string" ? parsed(address) : address
  const shown = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
  if (host === "" || /[@/?#\s]/.test(host)) throw invalid(host)
  return {
    id: shown,
    host,
    port: whole("port of a runner", port, 1, 65_535),
    threads: whole("threads of a runner", threads, 1)
  }
}

const invalid = (text: string): InvalidOption =>
  new InvalidOption({ option: "the address of a runner", value: shownInvalid(text), expected: ADDRESS })

const ADDRESS = 'a host and a port, such as "10.0.0.7:7718" or "[::1]:7718"'

const parsed = (address: string): { readonly host: string; readonly port: number; readonly threads?: number } => {
  const [, v6, host = v6, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address) ?? []
  if (host === undefined || port === undefined) {
    throw invalid(address)
  }
  return { host, port: Number(port) }
}
