/**
 * The program of a worker's thread: it builds the pipeline from its module, and makes the batches that it is told to.
 * Nothing imports it; `Workers.threads` starts it.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import { foreign } from "./patches/EffectVersion.ts"
import { bundled } from "./scheduler/backends/threads/Entry.ts"
// What they register: any seed that the main side sends is to find its generator here.
import "./index.ts"
import "./testing.ts"
import { countBy } from "./core/NativeWork.ts"
import { afterEvents, leave, onUncaught, ownThread } from "./core/runtime.ts"
import { shown } from "./core/Show.ts"
import * as Ambient from "./patches/Ambient.ts"
import type { Batch } from "./pipeline/Batch.ts"
import type { Pipeline } from "./pipeline/Pipeline.ts"
import { TypeId } from "./pipeline/Pipeline.ts"
import { hashed } from "./scheduler/backends/Backend.ts"
import * as ProvidedPlan from "./scheduler/backends/ProvidedPlan.ts"
import { Control } from "./scheduler/backends/threads/Control.ts"
import { type Made, Sent } from "./scheduler/backends/threads/Form.ts"
import { counted, counts, during } from "./scheduler/backends/threads/InFlight.ts"
import { Mailbox } from "./scheduler/backends/threads/Mailbox.ts"
import { markThread, REFUSED } from "./scheduler/backends/threads/Nested.ts"
import { batchKey, type Make, type Said, type Start } from "./scheduler/backends/threads/Protocol.ts"
import { Ring } from "./scheduler/backends/threads/Ring.ts"
import { encode } from "./scheduler/backends/threads/Thrown.ts"
import { undeliverable } from "./scheduler/backends/threads/Undeliverable.ts"
import type { BatchBuilder } from "./scheduler/build/BatchBuilder.ts"
import { type Observer, together } from "./scheduler/build/Observer.ts"
import { SamplesFailed } from "./scheduler/build/StageError.ts"
import { StageTimes } from "./scheduler/build/StageTimes.ts"
import { Later, settled } from "./scheduler/build/Work.ts"
import { Worker } from "./scheduler/build/Worker.ts"
import { fingerprint } from "./scheduler/plan/Fingerprint.ts"
import type { Seeds } from "./seeding/Request.ts"
import { SeedPolicy } from "./seeding/SeedPolicy.ts"
import { type Draw, refused, type Service } from "./seeding/Service.ts"
import { arena } from "./wasm/Kernels.ts"
import { Output } from "./wasm/Output.ts"
import type { Place } from "./wasm/Place.ts"

/** What is known of the batch at hand. */
interface AtHand {
  indices: Float64Array
  seeds: ReadonlyMap<string, Seeds>
  draws: ReadonlyArray<Draw>
}

/** The main side's policy, by the seeds that it sent along. */
const policyOf = ({ policy, records }: Start, atHand: AtHand): Service | undefined => {
  if (policy === undefined) return undefined
  return {
    ...policy,
    seeds: (request) => {
      const seeds = atHand.seeds.get(request.stage.name)
      return seeds === undefined
        ? refused(policy, request, "the main side sent no seeds for this stage")
        : Either.right(seeds)
    },
    ...(records
      ? {
          record: (draws) => {
            atHand.draws = draws
          }
        }
      : {})
  }
}

const exported = async (module: unknown, { config, module: url, name }: Start) => {
  const found = Predicate.isRecord(module) ? module[name] : undefined
  const pipeline: unknown = Predicate.isFunction(found) ? await found(config) : found
  if (Predicate.hasProperty(pipeline, TypeId)) {
    return pipeline as unknown as Pipeline<unknown, unknown, unknown> // only pipelines have it
  }
  const instead = Predicate.isFunction(found)
    ? `\`${name}\` is a function that gave ${shown(pipeline)}`
    : found === undefined
      ? `it exports ${exportsOf(module)}`
      : `\`${name}\` is ${shown(found)}`
  throw new Error(
    `${url} has no export \`${name}\` that is a Pipeline, or a function that returns one: ${instead}. ` +
      "The option `name` says which export to take"
  )
}

/** How many exports are named. */
const NAMED = 20

const exportsOf = (module: unknown): string => {
  const names = Predicate.isRecord(module) ? Object.keys(module) : []
  if (names.length === 0) return "nothing"
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : ""
  return (
    names
      .slice(0, NAMED)
      .map((own) => `\`${own}\``)
      .join(", ") + more
  )
}

const servicesOf = (module: unknown): Layer.Layer<never> => {
  const services = Predicate.isRecord(module) ? module["services"] : undefined
  const wrong = foreign("the layer that the pipeline's module exports as `services`", services)
  if (wrong !== undefined) throw wrong
  // What it lacks shows as a missing service, in the stage that wants it.
  return Layer.isLayer(services) ? (services as unknown as Layer.Layer<never>) : Layer.empty
}

/** What helps where the module of the pipeline was left behind by a bundler. */
const IN_A_BUNDLE =
  "; in a bundle, export the pipeline from the module that is bundled and give import.meta.url, or bundle its module as a second entry point and give the URL of that file"

const serve = (start: Start, mailbox: Mailbox | undefined, control: Control | undefined, post: (said: Said) => void) =>
  Effect.gen(function* () {
    const module: unknown = yield* Effect.tryPromise({
      try: () => import(start.module) as Promise<unknown>,
      catch: (cause) => new Error(`${start.module} cannot be loaded: ${shown(cause)}${bundled ? IN_A_BUNDLE : ""}`)
    })
    const built = yield* Effect.tryPromise({
      try: () => exported(module, start),
      catch: (cause) => new Error(reasonOf(cause))
    })
    const pipeline = counts && control !== undefined ? counted(built, control) : built
    const atHand: AtHand = { indices: new Float64Array(0), seeds: new Map(), draws: [] }
    const policy = policyOf(start, atHand)
    const services = servicesOf(module)
    // What is in it cannot be known here: the pipeline's own module says what it requires and provides.
    const context = (yield* Layer.build(
      policy === undefined ? services : Layer.merge(services, Layer.succeed(SeedPolicy, policy))
    ).pipe(
      Effect.catchAllCause((cause) =>
        Effect.fail(new Error(`the layer \`services\` of ${start.module} failed: ${shown(Cause.squash(cause))}`))
      )
    )) as Context.Context<unknown>
    const times = start.times ? new StageTimes() : undefined
    const runPlan = yield* Effect.provide(ProvidedPlan.make(pipeline, start.workers, start), context)
    if (fingerprint(runPlan) !== start.fingerprint) {
      const reason = `the pipeline that ${start.module} exports as \`${start.name}\` is not the one that is run: its dataset, batches or stages differ`
      return yield* Effect.fail(new Error(reason))
    }
    yield* Ambient.installed(pipeline.ambient)
    // The main side has asked for the epoch's order; here are only the places that this batch has in it.
    const order = (position: number) => atHand.indices[position - first] ?? Number.NaN
    let first = 0
    const own = arena()
    const output = new Output(own, true)
    const { limits } = start
    const ordered = { ...runPlan, order: () => Either.right(order) }
    const worker = new Worker(ordered, start.worker, {
      output,
      limits,
      observer: together([times, mailbox === undefined ? undefined : entering(mailbox)])
    })
    const ring = new Ring(own)
    const forms = new Sent()
    /** The memory that the main side knows. */
    let told: ArrayBufferLike | undefined

    /** Says what came of a question, by as little as does. */
    const answer = (said: Made | Extract<Said, { readonly _tag: "Failed" }>): void => {
      const grown = own !== undefined && own.bytes.buffer !== told
      if (grown) {
        told = own.bytes.buffer
        post({ _tag: "Memory", memory: told })
      }
      // One that says more than its form does goes as a message.
      const known =
        mailbox === undefined || said._tag === "Failed" || said.retried !== undefined
          ? undefined
          : forms.of(said, atHand.indices)
      if (known === undefined || known.first || grown || said._tag === "Failed") {
        post(known === undefined || said._tag === "Failed" ? said : { ...said, form: known.form })
        mailbox?.answer()
        return
      }
      const { epoch, index: batch } = said.batch as { readonly epoch: number; readonly index: number } // it has a form
      const addresses = said.slots.map(({ address }) => address)
      mailbox?.answer({ form: known.form, epoch, batch, addresses, hash: said.hash })
    }

    /** Hashes a batch where the run wants it, writes it down, and says so. */
    const handOver = (
      made: Batch<unknown> | undefined,
      builder: BatchBuilder | undefined,
      places: ReadonlyArray<Place>,
      retried: number
    ): void => {
      const hash = start.digest && made !== undefined ? hashed(made, builder?.observer) : undefined
      const measured = times?.take()
      try {
        const { laid, slots, value } = ring.write(made, places)
        answer({
          _tag: "Made",
          slots,
          batch: value,
          laid,
          hash,
          draws: atHand.draws,
          ...(retried === 0 ? {} : { retried }),
          ...(measured === undefined ? {} : { times: measured })
        })
      } catch (thrown) {
        throw undeliverable(made, thrown)
      }
    }

    const failed = (failure: unknown, retried: number): void => {
      answer({ _tag: "Failed", errors: errorsOf(failure).map(encode), retried })
    }

    /** Batches of which an attempt has failed, with the places that their samples lie in: another one may follow. */
    const unfinished = new Map<string, { readonly builder: BatchBuilder; readonly places: ReadonlyArray<Place> }>()

    /** Makes a batch and says what came of it; gives what is left to be done where that takes an effect. */
    const make = ({
      batch,
      dropped,
      epoch,
      free,
      indices,
      left,
      ordinal,
      position,
      seeds
    }: Make): Effect.Effect<void, never, unknown> | undefined => {
      ring.give(free)
      atHand.indices = indices
      atHand.seeds = new Map(seeds)
      atHand.draws = []
      first = position
      for (const key of dropped ?? []) {
        for (const place of unfinished.get(key)?.places ?? []) place.give()
        unfinished.delete(key)
      }
      const key = batchKey(epoch, batch)
      const known = unfinished.get(key)
      unfinished.delete(key)
      const builder = known?.builder ?? worker.builder({ epoch, batch, position, size: indices.length, ordinal })
      const places = (): ReadonlyArray<Place> => [...(known?.places ?? []), ...output.lent()]
      const retriedBefore = builder.retried
      const retried = (): number => builder.retried - retriedBefore
      const ended = (made: Batch<unknown> | undefined): void => handOver(made, builder, places(), retried())
      const lost = (failure: unknown): void => {
        if (limits.careful) unfinished.set(key, { builder, places: places() })
        else for (const place of places()) place.give()
        failed(failure, retried())
      }
      const rest = settled(() => builder.build(left === undefined ? undefined : new Set(left)), ended, lost)
      return Later.is(rest) ? Effect.provide(Later.effect(rest), context) : undefined
    }
    return make
  })

/** How long batches are made one after the other before timers, messages and I/O have their turn, in milliseconds. */
const TURN_MS = 20

const breath = Effect.async<void>((resume) => {
  const cancel = afterEvents(() => resume(Effect.void))
  return Effect.sync(cancel)
})

/**
 * Answers the questions that stand in the mailbox, or come as messages, up to where somebody is to be waited for. Fibers
 * are for what takes an effect: one a batch would cost more than small batches themselves.
 */
const turn = <R>(
  mailbox: Mailbox | undefined,
  asked: Queue.Dequeue<Make>,
  make: (question: Make) => Effect.Effect<void, never, R> | undefined
): Effect.Effect<void, never, R> =>
  Effect.suspend(() => {
    const spoken = Effect.flatMap(Queue.take(asked), (question) => make(question) ?? Effect.void)
    if (mailbox === undefined) return spoken
    const began = performance.now()
    do {
      const change = mailbox.asking()
      if (change !== undefined) return Effect.promise(() => change)
      const question = mailbox.question()
      if (question === undefined) return spoken
      const rest = make(question)
      if (rest !== undefined) return rest
    } while (performance.now() - began < TURN_MS)
    return breath
  })

/** Errors of this program say all by their message. */
const reasonOf = (thrown: unknown): string => {
  try {
    return thrown instanceof Error && thrown.name === "Error" ? thrown.message : shown(thrown)
  } catch {
    return shown(thrown)
  }
}

/** Says in the mailbox which step a batch is at. */
const entering = (mailbox: Mailbox): Observer => {
  const own = { begin: (step: string): void => mailbox.enter(step), end: (): void => undefined }
  return { batch: () => own }
}

/** What a batch failed with: one error, or one for each of its samples. */
const errorsOf = (failure: unknown): ReadonlyArray<unknown> => {
  try {
    return failure instanceof SamplesFailed ? failure.errors : [failure]
  } catch {
    return [failure] // a Proxy of which nothing can be asked
  }
}

const thread = ownThread()
if (thread !== undefined) {
  // The main side starts this program with nothing else.
  const start = thread.data as Start
  const control = start.control === undefined ? undefined : new Control(start.control)
  const post = (message: Said): void => thread.post(message)
  let refusal: string | undefined
  /** Also where no message arrives any more, since the module leaves, or loops for ever. */
  const refuse = (reason: string): void => {
    if (refusal !== undefined) return
    refusal = reason
    control?.say(`${REFUSED}${reason}`)
    post({ _tag: "Refused", reason })
  }
  markThread(refuse)
  onUncaught((thrown) => {
    control?.say(`nothing caught what it threw: ${shown(thrown)}`)
    leave(1)
  })
  // Where effects are counted a native operation is a part of one.
  if (control !== undefined) countBy(counts ? { begin: control.beginPart, end: control.end } : control)

  const loaded = Effect.suspend(() => {
    const mailbox = start.mailbox === undefined ? undefined : new Mailbox(start.mailbox.extent, start.mailbox.buffer)
    // What a module begins at its top level without waiting for it has its turn.
    return Effect.map(Effect.zipLeft(serve(start, mailbox, control, post), breath), (make) => ({ make, mailbox }))
  })
  const started = Effect.gen(function* () {
    // A module may await operations of native libraries, too.
    const { mailbox, make } = yield* counts && control !== undefined ? during(control, loaded) : loaded
    if (refusal !== undefined) return yield* Effect.never
    // More may be asked for while a batch is being made; they are made one after the other.
    const asked = yield* Queue.unbounded<Make>()
    thread.listen((message) => asked.unsafeOffer(message as Make)) // the main side says nothing else
    post({ _tag: "Ready" })
    // A stage's requirements are in the context that `serve` provides, as far as they can be had.
    return yield* Effect.forever(turn(mailbox, asked, make) as Effect.Effect<void>)
  })
  // What the pipeline requires is in the context that `serve` builds, as far as it can be had.
  Effect.runFork(Effect.scoped(started) as Effect.Effect<never, Error>).addObserver((exit) => {
    if (Exit.isFailure(exit)) refuse(reasonOf(Cause.squash(exit.cause)))
  })
}
