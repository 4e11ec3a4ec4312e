/**
 * The program of a thread: takes requests from the shared queue, or as messages, and builds their batches one by one.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { countBy, type Gate } from "../../../core/NativeWork.ts"
import { afterEvents, leave, onUncaught, ownThread } from "../../../core/runtime.ts"
import { shown } from "../../../core/Show.ts"
import { forgetLocation } from "../../../patches/WorkerLocation.ts"
import * as SharedMemory from "../../../sources/shards/SharedMemory.ts"
import { arena } from "../../../wasm/Kernels.ts"
import { reasonOf } from "../remote/PipelineModule.ts"
import type { BatchRequest, FromMember, Reply, ToMember } from "../remote/Protocol.ts"
import * as RemoteBuilder from "../remote/RemoteBuilder.ts"
import { SentLayouts } from "./BatchLayout.ts"
import { counted, counts, during } from "./CountedEffects.ts"
import { markThread, REFUSED } from "./NestedThreads.ts"
import { kibibytes } from "./SharedBatches.ts"
import { SharedQueue } from "./SharedQueue.ts"
import { SharedTensors } from "./SharedTensors.ts"
import type { BlocksGiven, BlocksWanted } from "./ThreadBlocks.ts"
import { ThreadControl } from "./ThreadControl.ts"
import { bundled } from "./ThreadEntry.ts"
import { posting } from "./ThreadLogs.ts"
import type { Ping, ThreadStart } from "./ThreadMember.ts"

/** What helps if the module of the pipeline was left behind by a bundler. */
const IN_A_BUNDLE =
  "; in a bundle, export the pipeline from the module that is bundled and give import.meta.url, or bundle its module as a second entry point and give the URL of that file"

/** How long batches are built one after the other before timers, messages and I/O have their turn, in milliseconds. */
const TURN_MS = 20

const breath = Effect.async<void>((resume) => {
  const cancel = afterEvents(() => resume(Effect.void))
  return Effect.sync(cancel)
})

type Build = (id: number, request: BatchRequest, cell: number | undefined) => Effect.Effect<void> | undefined

interface RequestsOptions {
  readonly thread: number
  readonly queue: SharedQueue | undefined
  readonly gate: Gate | undefined
  readonly build: Build
  readonly tell: () => void
}

/** Builds requests, wherever they come from, one at a time. */
class Requests {
  readonly #messages: Array<Extract<ToMember, { readonly _tag: "Build" }>> = []
  readonly #thread: number
  readonly #queue: SharedQueue | undefined
  readonly #gate: Gate | undefined
  readonly #build: Build
  /** Tells the pool that it has answers. */
  readonly #tell: () => void
  #waiting: Promise<unknown> | undefined
  #wake: (() => void) | undefined

  constructor({ build, gate, queue, tell, thread }: RequestsOptions) {
    this.#thread = thread
    this.#queue = queue
    this.#gate = gate
    this.#build = build
    this.#tell = tell
  }

  /** A request came as a message. */
  add(message: Extract<ToMember, { readonly _tag: "Build" }>): void {
    this.#messages.push(message)
    this.#wake?.()
  }

  /**
   * Builds what is requested, up to what takes an effect, or waits. Fibers are for what takes an effect: one for each
   * batch would cost more than building a small one.
   */
  readonly turn: Effect.Effect<void> = Effect.suspend(() => {
    const began = performance.now()
    do {
      // A thread that is to end runs on for a moment. What it took then nobody would build.
      if (this.#gate?.begin() === false) return Effect.never
      const message = this.#messages.shift()
      const next = message === undefined ? this.#queue?.take(this.#thread) : { ...message, cell: undefined }
      this.#gate?.end()
      if (next === undefined) {
        if (this.#queue?.idle() === true) this.#tell()
        // Most often the next request is there in a moment, and an event loop takes longer to wake.
        if (this.#queue?.nap() === true) continue
        return this.#wait
      }
      const rest = this.#build(next.id, next.request, next.cell)
      if (rest !== undefined) return rest
    } while (performance.now() - began < TURN_MS)
    return breath
  })

  /** Waits for a message, or until there may be a request in the queue. */
  readonly #wait = Effect.async<void>((resume) => {
    const wake = (): void => {
      this.#wake = undefined
      resume(Effect.void)
    }
    this.#wake = wake
    // An earlier wait may still be under way, if a message has ended it.
    this.#waiting ??= this.#queue?.requested()?.then(() => {
      this.#waiting = undefined
      if (this.#wake !== undefined) this.#wake()
      // It was this thread that was woken, and it is at another batch.
      else this.#queue?.wakeOther()
    })
    if (this.#waiting === undefined && this.#queue !== undefined) wake()
  })
}

/**
 * Answers requests: by the layout of the batch in the shared queue, as far as that says all, else by a message. What was
 * logged meanwhile went as messages, which the answer must not overtake: the run may end with it.
 */
const answering = (
  thread: number,
  queue: SharedQueue | undefined,
  control: ThreadControl | undefined,
  hasLogged: () => boolean,
  post: (message: FromMember) => void
) => {
  const own = arena()
  const layouts = new SentLayouts()
  /** The memory that the pool knows. */
  let told: ArrayBufferLike | undefined
  let generation = 0
  return (id: number, { indices }: BatchRequest, cell: number | undefined, reply: Reply): void => {
    if (own !== undefined && own.bytes.buffer !== told) {
      told = own.bytes.buffer
      generation++
      post({ _tag: "Memory", memory: told, generation })
    }
    const known = queue === undefined || reply._tag === "Failed" ? undefined : layouts.of(reply, indices)
    if (
      reply._tag === "Built" &&
      known?.isNew === false &&
      cell !== undefined &&
      queue?.fits(reply.observed) === true &&
      !hasLogged()
    ) {
      const addresses = reply.slots.map(({ address }) => address)
      if (control !== undefined) control.at = undefined
      const answer = {
        layout: known.layout,
        generation,
        kibibytes: kibibytes(reply.slots),
        addresses,
        hash: reply.hash,
        observed: reply.observed
      }
      if (queue.answer(thread, cell, answer)) post({ _tag: "Answered" })
      return
    }
    post({
      _tag: "Reply",
      id,
      reply: reply._tag === "Built" && known?.isNew === true ? { ...reply, layout: known.layout } : reply
    })
    if (control !== undefined) control.at = undefined
  }
}

/** Runs the program, if this is a thread that a pool has started. @since 0.1.0 */
export const run = (): void => {
  const own = ownThread()
  if (own === undefined) return
  // A pool starts this program with nothing else.
  const { control: words, level, member: start, queue: shared, thread } = own.data as ThreadStart
  const control = words === undefined ? undefined : new ThreadControl(words)
  const queue = shared === undefined ? undefined : new SharedQueue(shared.extent, shared.buffer)
  const post = (message: FromMember): void => own.post(message)
  let isLogged = false
  /** Whether something was logged since this was last asked. */
  const hasLogged = (): boolean => {
    const before = isLogged
    isLogged = false
    return before
  }
  let refusal: string | undefined
  /** Also where no message arrives any more, since the module leaves, or loops for ever. */
  const refuse = (reason: string): void => {
    if (refusal !== undefined) return
    refusal = reason
    control?.say(`${REFUSED}${reason}`)
    post({ _tag: "Refused", reason })
  }
  markThread(refuse)
  forgetLocation()
  onUncaught((thrown) => {
    control?.say(`nothing caught what it threw: ${shown(thrown)}`)
    leave(1)
  })
  // Where effects are counted a native operation is a part of one.
  if (control !== undefined) countBy(counts ? { begin: control.beginPart, end: control.end } : control)

  /** Those who wait for memory, by what it is for. */
  const waiting = new Map<string, (memory: SharedArrayBuffer | undefined) => void>()
  SharedMemory.provide((request) => {
    const memory = new Promise<SharedArrayBuffer | undefined>((resolve) => {
      const before = waiting.get(request.key)
      waiting.set(request.key, (given) => {
        before?.(given)
        resolve(given)
      })
    })
    own.post({ _tag: "BlocksWanted", request } satisfies BlocksWanted)
    return memory.then((buffer) => (buffer === undefined ? undefined : { buffer, thread }))
  })
  /** What is told of batches, once there is a builder. */
  let told: ((message: ToMember) => void) | undefined
  own.listen((message) => {
    const said = message as ToMember | BlocksGiven | Ping // a pool says nothing else
    if (said._tag === "Ping") return own.post(said)
    if (said._tag !== "BlocksGiven") return told?.(said)
    const resolve = waiting.get(said.key)
    waiting.delete(said.key)
    resolve?.(said.memory)
  })

  const tensors = new SharedTensors(arena())
  const loaded = Effect.zipLeft(
    RemoteBuilder.make({
      start,
      encode: (batch, places) => tensors.encode(batch, places),
      prepare: (pipeline) => (counts && control !== undefined ? counted(pipeline, control) : pipeline),
      stages: control,
      hint: bundled ? IN_A_BUNDLE : ""
    }),
    // What a module begins at its top level without waiting for it has its turn.
    breath
  )
  const started = Effect.gen(function* () {
    // A module may await operations of native libraries, too.
    const builder = yield* counts && control !== undefined ? during(control, loaded) : loaded
    if (refusal !== undefined) return yield* Effect.never
    const answer = answering(thread, queue, control, hasLogged, post)
    const build: Build = (id, request, cell) => {
      if (control !== undefined) control.at = id
      for (let address = control?.takeAddress(); address !== undefined; address = control?.takeAddress()) {
        tensors.give(address)
      }
      return builder.build(request, (reply) => answer(id, request, cell, reply))
    }
    const requests = new Requests({ thread, queue, gate: control, build, tell: () => post({ _tag: "Answered" }) })
    told = (said) => {
      if (said._tag === "Drop") builder.drop(said.key)
      else requests.add(said)
    }
    post({ _tag: "Ready" })
    return yield* Effect.forever(requests.turn)
  })
  const logging = Effect.provide(
    started,
    Logger.replace(
      Logger.defaultLogger,
      posting((logged) => {
        isLogged = true
        own.post(logged)
      })
    )
  )
  const leveled =
    level === undefined
      ? logging
      : Effect.locally(logging, FiberRef.currentMinimumLogLevel, LogLevel.fromLiteral(level))
  Effect.runFork(Effect.scoped(leveled)).addObserver((exit) => {
    if (Exit.isFailure(exit)) refuse(reasonOf(Cause.squash(exit.cause)))
  })
}
