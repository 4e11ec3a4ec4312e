/**
 * One run of one loader at a runner, from its hello to the end of its connection.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { shown } from "../core/Show.ts"
import { encodeError } from "../scheduler/backends/remote/ErrorCodec.ts"
import { notSendable } from "../scheduler/backends/remote/NotSendable.ts"
import type { AttemptFailed, MemberStart } from "../scheduler/backends/remote/Protocol.ts"
import { agreed, BodyCompressor } from "../service/Compression.ts"
import type { Received } from "../service/FrameBytes.ts"
import type { Answer, BuilderEvents, Builders, Built } from "./Builders.ts"
import type { ByteSocket } from "./Dial.ts"
import { FrameSocket } from "./FrameSocket.ts"
import {
  BEFORE_HELLO,
  identity,
  MOST_ORDERS,
  numberIn,
  packableAbout,
  packableFailure,
  requestIn,
  send,
  startIn,
  textIn,
  versionsDiffer
} from "./RunnerMessages.ts"
import { RunnerSpans } from "./RunnerSpans.ts"
import type { Timing } from "./Timing.ts"

/** How many bytes of answers may wait to be sent before no other batch is begun. */
const UNSENT = 2 ** 26

/** What a runner's sessions have in common. @since 0.1.0 */
export interface Serving {
  readonly id: string
  readonly threads: number
  /** The most loaders at once. */
  readonly connections: number
  readonly timing: Timing
  /** Builds a run until the scope closes. Fails with an error whose message says why it cannot be built. */
  readonly builders: (start: MemberStart, events: BuilderEvents) => Effect.Effect<Builders, Error, Scope.Scope>
  /** Whether a token opens this runner. */
  readonly admits: (token: unknown) => boolean
  /** The module that a loader means by a name; throws what the runner has instead. */
  readonly moduleOf: (asked: string) => string
  readonly sessions: Set<Session>
  isDraining: boolean
}

/** @since 0.1.0 */
export class Session {
  readonly #serving: Serving
  readonly #socket: FrameSocket
  readonly #admitted: () => void
  #stage: "hello" | "open" | "opening" | "ready" = "hello"
  #builders: Builders | undefined
  #spans: RunnerSpans | undefined
  #isFull = false
  #isOver = false
  /** The ids of batches that were ordered and not answered. */
  readonly #orders = new Set<number>()
  readonly #opening: Deferred.Deferred<Received>

  private constructor(
    serving: Serving,
    socket: ByteSocket,
    admitted: () => void,
    opening: Deferred.Deferred<Received>,
    ended: Deferred.Deferred<void>
  ) {
    this.#serving = serving
    this.#admitted = admitted
    this.#opening = opening
    this.#socket = new FrameSocket(socket, {
      silence: serving.timing.loaderSilence,
      beat: serving.timing.beat,
      reader: BEFORE_HELLO,
      came: (frame) => this.#heard(frame),
      ended: () => Deferred.unsafeDone(ended, Effect.void)
    })
  }

  /** Serves a loader until its connection ends. `admitted` is called once it has said hello and is not refused. */
  static serve(serving: Serving, socket: ByteSocket, admitted: () => void = () => undefined): Effect.Effect<void> {
    return Effect.gen(function* () {
      const opening = yield* Deferred.make<Received>()
      const ended = yield* Deferred.make<void>()
      const session = new Session(serving, socket, admitted, opening, ended)
      serving.sessions.add(session)
      const served = Deferred.await(opening).pipe(
        Effect.timeout(serving.timing.opening),
        Effect.matchEffect({
          onSuccess: (frame) => session.#open(frame),
          onFailure: () => session.#refuse("it asked for no run in time")
        }),
        Effect.zipRight(Effect.never),
        Effect.scoped
      )
      yield* Effect.ensuring(
        Effect.raceFirst(served, Deferred.await(ended)),
        Effect.sync(() => {
          serving.sessions.delete(session)
          session.#spans?.close()
          session.#socket.end("the runner ended the session")
        })
      )
    })
  }

  /** Whether it has said hello: who looks whether the port is open does not. */
  get isLoader(): boolean {
    return this.#stage !== "hello"
  }

  /** Asks the loader for no more requests; it leaves once it has all answers. */
  drain(): void {
    if (this.#stage === "ready") send(this.#socket, "draining")
    else this.#socket.end("the runner is draining")
  }

  #open(frame: Received): Effect.Effect<void, never, Scope.Scope> {
    return Effect.gen(this, function* () {
      const { builders, moduleOf } = this.#serving
      const asked = startIn(frame)
      const start = { ...asked, module: moduleOf(asked.module) }
      const events: BuilderEvents = {
        answered: (id, answer) => this.#answer(id, answer),
        failed: (reason) => this.#end(reason, false),
        hasRoom: () => {
          this.#isFull = this.#socket.unsent > UNSENT
          return !this.#isFull
        }
      }
      this.#builders = yield* builders(start, events)
      this.#spans = yield* RunnerSpans.make(start.traceparent)
      this.#stage = "ready"
      send(this.#socket, "ready")
      if (this.#serving.isDraining) this.drain()
    }).pipe(
      Effect.catchAllDefect((thrown) => Effect.fail(thrown instanceof Error ? thrown : new Error(shown(thrown)))),
      Effect.catchAll((error) => this.#refuse(error.message))
    )
  }

  #refuse(reason: string): Effect.Effect<void> {
    return Effect.sync(() => this.#end(reason, true))
  }

  /** Tells the loader why it is not served, or not any longer; `lasting` if it is no use to ask again. */
  #end(reason: string, lasting: boolean): void {
    this.#isOver = true
    send(this.#socket, "refused", { reason, lasting })
    this.#socket.finish(reason)
  }

  /** A loader that has shown its token is told what is wrong with what it sent. */
  #heard(frame: Received): void {
    if (this.#isOver) return
    try {
      this.#came(frame)
    } catch (thrown) {
      if (!this.isLoader) throw thrown
      this.#end(thrown instanceof Error ? thrown.message : shown(thrown), true)
    }
  }

  #came(frame: Received): void {
    const { kind } = frame.head
    if (this.#stage === "hello") this.#hello(frame)
    else if (this.#stage === "open" && kind === "open") {
      this.#stage = "opening"
      Deferred.unsafeDone(this.#opening, Effect.succeed(frame))
    } else this.#ordered(frame)
  }

  #ordered(frame: Received): void {
    const { kind } = frame.head
    const builders = this.#builders
    if (builders === undefined) throw new RangeError(`it sent ${shown(kind)} before its run was open`)
    if (kind === "build") {
      if (this.#orders.add(numberIn(frame, "id")).size > MOST_ORDERS)
        throw new RangeError(`it ordered more than ${MOST_ORDERS} batches at once`)
      const ordered = { id: numberIn(frame, "id"), request: requestIn(frame) }
      this.#spans?.begin(ordered.id, ordered.request)
      builders.add(ordered)
    } else if (kind === "cancel") {
      this.#orders.delete(numberIn(frame, "id"))
      this.#spans?.end(numberIn(frame, "id"), "cancelled")
      builders.cancel(numberIn(frame, "id"))
    } else if (kind === "kill") {
      this.#orders.delete(numberIn(frame, "id"))
      this.#spans?.end(numberIn(frame, "id"), "cancelled")
      builders.kill(numberIn(frame, "id"))
    } else if (kind === "drop") builders.drop(textIn(frame, "key"))
    else throw new RangeError(`it sent ${shown(kind)}, which no loader sends`)
  }

  #hello({ head }: Received): void {
    const refusal = this.#refusalOf(head)
    if (refusal !== undefined) {
      this.#end(refusal.reason, refusal.lasting)
      return
    }
    const { id, threads } = this.#serving
    this.#stage = "open"
    this.#admitted()
    this.#socket.expect({})
    const compression = agreed(head["compression"])
    send(this.#socket, "welcome", { ...identity, id, threads: Math.max(threads, 1), compression })
    if (compression === "zstd") this.#socket.compress(new BodyCompressor())
  }

  #refusalOf(head: Received["head"]): { readonly reason: string; readonly lasting: boolean } | undefined {
    if (head["kind"] !== "hello") throw new RangeError("it did not say hello")
    // Nothing is told to those who have no token.
    if (!this.#serving.admits(head["token"])) {
      const given = head["token"] === null ? "none was given" : "this one is wrong"
      return { reason: `it asks for a token, and ${given}: the loader's must be the runner's`, lasting: true }
    }
    const differ = versionsDiffer(head)
    if (differ !== undefined) return { reason: `this loader does not fit the runner: ${differ}`, lasting: true }
    const { connections, isDraining, sessions } = this.#serving
    if (isDraining) return { reason: "it is draining", lasting: false }
    const loaders = Array.from(sessions).filter(({ isLoader }) => isLoader).length
    if (loaders < connections) return undefined
    const way = "raise `wait`, or its `connections`, or start another runner"
    return { reason: `it has as many loaders as it takes (connections: ${connections}): ${way}`, lasting: false }
  }

  #answer(id: number, answer: Answer): void {
    this.#orders.delete(id)
    this.#spans?.end(id, answer._tag === "Built" ? "built" : "failed")
    if (answer._tag === "Built") this.#built(id, answer)
    else if (answer._tag === "Failed") this.#failed(id, answer)
    else send(this.#socket, "lost", { id, reason: answer.reason, stage: answer.stage })
  }

  #failed(id: number, failed: AttemptFailed): void {
    send(this.#socket, "failed", { id, ...packableFailure(failed) })
  }

  #built(id: number, built: Built): void {
    const { batch, release } = built
    const left = (): void => {
      release()
      if (this.#isFull) this.#builders?.wake()
    }
    try {
      const own = batch === undefined ? undefined : { ...batch }
      send(this.#socket, "built", { id, batch: own, about: packableAbout(built) }, left)
    } catch (thrown) {
      release()
      this.#failed(id, { _tag: "Failed", errors: [encodeError(notSendable(batch, thrown))], retried: 0 })
    }
  }
}
