/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Runs of a service for code without Effect.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { InvalidOption } from "../core/InvalidOption.ts"
import type { Batch } from "../pipeline/Batch.ts"
import type { Cursor, CursorError } from "../scheduler/loader/Cursor.ts"
import { readDigest } from "../scheduler/loader/DigestChain.ts"
import { BUSY, LazyResource } from "../scheduler/loader/LazyResource.ts"
import { RunClosed, RunNotOpen } from "../scheduler/loader/Loader.ts"
import { Steps } from "../scheduler/loader/Steps.ts"
import { type ConnectOptions, connectBy } from "./Connect.ts"
import type { ServiceError } from "./Connection.ts"
import type { RemoteLoader, RemoteStats } from "./RemoteLoader.ts"

/** @category options @since 0.1.0 */
export interface RemoteOptions extends Omit<ConnectOptions, "token"> {
  /** The token that the service requires. */
  readonly token?: string
}

/**
 * A run of a service. It connects when its first batch is asked for, and closes at its end, at an error, by `close`, and when
 * a loop over it is left.
 *
 * @category models
 * @since 0.1.0
 */
export interface Remote<out C> extends AsyncIterable<Batch<C>>, AsyncDisposable {
  /** The next batch; `undefined` at the end. */
  readonly take: () => Promise<Batch<C> | undefined>
  /**
   * Calls `step` with each batch that is left, and waits for the promise that it returns, if any, like `forEach` of a local run.
   * The step owns its batch.
   */
  readonly forEach: (step: (batch: Batch<C>) => unknown) => Promise<void>
  readonly close: () => Promise<void>
  /** The position of the run, after the last batch that was taken. Throws `RunNotOpen`. */
  readonly cursor: Cursor
  /** Throws `RunNotOpen`. */
  readonly stats: RemoteStats
  /** The digest over what arrived. Throws `RunNotOpen`, and `InvalidOption` without `digest: true`. */
  readonly digest: string
}

class PlainRemote<C> implements Remote<C> {
  readonly #session: LazyResource<RemoteLoader<C>, InvalidOption | CursorError | ServiceError, never>
  readonly #steps = new Steps()
  #isOver = false

  constructor(url: string | URL, { token, ...options }: RemoteOptions) {
    const own = token === undefined ? options : { ...options, token: Redacted.make(token) }
    this.#session = new LazyResource(connectBy<C>("Service.remote", url, own), Layer.empty)
  }

  async take(): Promise<Batch<C> | undefined> {
    this.#steps.refuse("take")
    return this.#next()
  }

  async forEach(step: (batch: Batch<C>) => unknown): Promise<void> {
    if (this.#isOver) throw this.#closed()
    await this.#steps.each(step, { next: () => this.#next(), leave: () => this.#session.abandon() })
  }

  async #next(): Promise<Batch<C> | undefined> {
    if (this.#isOver) return undefined
    const begun = this.#session.begin((loader) => loader.now)
    if (begun !== BUSY && !Effect.isEffect(begun) && begun !== undefined) return begun
    const rest = Effect.isEffect(begun) ? begun : undefined
    const exit = await this.#session.use((loader) => rest ?? Effect.map(loader.take, Option.getOrUndefined))
    if (exit === undefined) throw this.#closed()
    if (Exit.isFailure(exit)) {
      await this.#session.abandon(exit.cause)
      throw Cause.squash(exit.cause)
    }
    if (exit.value !== undefined) return exit.value
    this.#isOver = true
    await this.#session.close()
    return undefined
  }

  [Symbol.asyncIterator](): AsyncIterator<Batch<C>, undefined> {
    return {
      next: async () => {
        this.#steps.refuse("for await")
        const value = await this.#next()
        return value === undefined ? { done: true, value } : { done: false, value }
      },
      return: async () => {
        await this.close()
        return { done: true, value: undefined }
      }
    }
  }

  close(): Promise<void> {
    return this.#session.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get cursor(): Cursor {
    return Effect.runSync(this.#loader("cursor").cursor)
  }

  get stats(): RemoteStats {
    return Effect.runSync(this.#loader("stats").stats)
  }

  get digest(): string {
    return readDigest(this.#loader("digest").digest)
  }

  #loader(read: string): RemoteLoader<C> {
    const { opened } = this.#session
    if (opened === undefined) throw new RunNotOpen({ read, way: "take a batch first" })
    return opened
  }

  #closed(): RunClosed {
    const { opened } = this.#session
    if (opened === undefined) return new RunClosed({ at: undefined })
    const { batch, epoch } = Effect.runSync(opened.cursor)
    return new RunClosed({ at: { epoch, batch } })
  }
}

/**
 * A run of the service at `url`, without Effect; see {@link connect}. What is wrong with the options is thrown when its first
 * batch is asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const remote = <C = unknown>(url: string | URL, options: RemoteOptions): Remote<C> =>
  new PlainRemote<C>(url, options)
