/**
 * Ambient randomness: the generators that a stage can reach without being handed one.
 *
 * The bug that Furrow ends began with a second generator that the loader did not know of. JavaScript has `Math.random`
 * and `crypto`, Effect has its default `Random`. While a run is open these look, at each call, for the stage at work:
 * if there is one, the pipeline's setting governs what they do; if there is none, they are what they always were. So
 * samples that use none of it pay nothing, and neither does the code around the run.
 *
 * Effect itself takes numbers from `Math.random` for what reaches no sample: the hashes by which it tells objects apart
 * (whenever fibers are joined, say) and the identifiers of spans. These it gets from the original, in a stage too.
 *
 * What cannot be seen: a reference to `Math.random` taken before the run was opened, the functions of `Crypto.prototype`
 * when they are called on `crypto` by hand, those of the module `node:crypto`, code that runs in a callback of its own (a promise's `then`, a timer) outside of the stage's effect,
 * and a fiber of its own that an effectful stage starts by `Effect.runSync` and its like instead of within its effect.
 *
 * @since 0.1.0
 */

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { encodeHex } from "effect/Encoding"
import * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as FiberRefs from "effect/FiberRefs"
import * as GlobalValue from "effect/GlobalValue"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { forbiddenRng } from "../random/ForbiddenRng.ts"
import { type Rng, toRandom } from "../random/Rng.ts"
import * as EffectInternals from "./EffectInternals.ts"
import * as Replacement from "./Replacement.ts"

/** What becomes of ambient randomness in a stage. @since 0.1.0 */
export type Setting = "refuse" | "derive" | "leave"

/** The fork of a stage's stream that stands in for ambient randomness under `"derive"`. @since 0.1.0 */
export const FORK = "ambient"

/** How a stage would take that fork for itself. @since 0.1.0 */
export const FORK_CALL = `rng.fork(${JSON.stringify(FORK)})`

/**
 * A stage reached for randomness that is not the pipeline's; or, under `"derive"`, for the stream that stands in for it.
 *
 * @since 0.1.0
 */
export class AmbientRandomness extends Data.TaggedError("AmbientRandomness")<{
  /** What was called, such as `Math.random`. */
  readonly call: string
  readonly stage: string
}> {
  override get message(): string {
    if (this.call === FORK_CALL) {
      return (
        `stage "${this.stage}" called ${FORK_CALL}, the stream that Math.random and its kin draw from under ` +
        'Pipeline.ambient("derive"): numbers would be drawn twice; give the fork another name'
      )
    }
    return (
      `stage "${this.stage}" called ${this.call}, which no seed governs; draw from the stage's rng (Pipeline.augment), ` +
      'or choose Pipeline.ambient("derive") or Pipeline.ambient("leave")'
    )
  }
}

/**
 * The stage at work, as the machinery keeps it.
 *
 * @since 0.1.0
 */
export interface AtWork {
  readonly setting: Setting
  /** The name of the stage at work. */
  readonly stage: () => string
  /** The rng of the stage at work when it draws. */
  readonly drawing: () => Rng | undefined
  /** Under `"derive"`: the rng that stands in for ambient randomness in the stage at work. */
  readonly derived: () => Rng
}

/**
 * A sampler at work. It is asked at any time by any worker, so no stream of its own could make ambient randomness
 * repeatable there: that is refused, or left alone.
 *
 * @since 0.1.0
 */
export const sampling = (setting: Setting): AtWork => (setting === "leave" ? LEFT : REFUSED)

const sampler = (setting: Setting): AtWork => ({
  setting,
  stage: () => "sample",
  drawing: () => undefined,
  derived: () => forbiddenRng
})

const LEFT = sampler("leave")
const REFUSED = sampler("refuse")

/** What is replaced for as long as runs of some kind are open. */
interface Replaced {
  /** How many runs are open. */
  open: number
  /** What puts each replacement back, in the order in which they were made. */
  readonly undo: Map<unknown, () => void>
}

interface State {
  /** The stage whose plain code is on the stack. */
  plain: AtWork | undefined
  /** Whether code is running whose numbers reach no sample: a tracer, Effect's hashes. */
  exempt: boolean
  /** Effect's default services. */
  readonly effect: Replaced
  /** `Math` and `crypto`. */
  readonly globals: Replaced
}

// One for the process, even if the module is loaded twice: there is only one Math.random.
const state: State = GlobalValue.globalValue(Symbol.for("furrow/Ambient"), () => ({
  plain: undefined,
  exempt: false,
  effect: { open: 0, undo: new Map() },
  globals: { open: 0, undo: new Map() }
}))

const effectful: FiberRef.FiberRef<AtWork | undefined> = GlobalValue.globalValue(
  Symbol.for("furrow/Ambient/effectful"),
  () => FiberRef.unsafeMake<AtWork | undefined>(undefined)
)

/**
 * Runs plain code under a setting: until it returns or throws, ambient randomness is governed by `atWork`.
 *
 * @since 0.1.0
 */
export const plain = <A>(atWork: AtWork, run: () => A): A => {
  const before = enter(atWork)
  try {
    return run()
  } finally {
    leave(before)
  }
}

/** As {@link plain}, without a closure: the code up to {@link leave}, in a `finally`, is governed by `atWork`. @since 0.1.0 */
export const enter = (atWork: AtWork): AtWork | undefined => {
  const before = state.plain
  state.plain = atWork
  return before
}

/** Ends what {@link enter} began, which returned `before`. @since 0.1.0 */
export const leave = (before: AtWork | undefined): void => {
  state.plain = before
}

/**
 * Runs an effect under a setting, and with the stage's rng as Effect's `Random`; within {@link services}.
 *
 * @since 0.1.0
 */
export const effect = <A, E, R>(atWork: AtWork, run: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.locally(run, effectful, atWork)

/**
 * As {@link effect}, for a fiber that is about to start.
 *
 * @since 0.1.0
 */
export const starting =
  (value: AtWork) =>
  (refs: FiberRefs.FiberRefs, fiberId: FiberId.Runtime): FiberRefs.FiberRefs =>
    FiberRefs.updateAs(refs, { fiberId, fiberRef: effectful, value })

/**
 * The services that effects under a setting find: a `Random` that asks who is at work, a tracer that may draw. Set once
 * around the effects of many samples, as setting them costs more than a light effect.
 *
 * @since 0.1.0
 */
export const services = <A, E, R>(run: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.randomWith((random) =>
    Effect.tracerWith((tracer) => run.pipe(Effect.withRandom(govern(random)), Effect.withTracer(exempt(tracer))))
  )

const atWork = (): AtWork | undefined => {
  if (state.exempt) return undefined
  if (state.plain !== undefined) return state.plain
  return Option.getOrUndefined(Fiber.getCurrentFiber())?.getFiberRef(effectful)
}

/** The rng that stands in for a call, `undefined` where the call is to be left alone. Throws where it is refused. */
const standIn = (call: string): Rng | undefined => {
  const stage = atWork()
  if (stage === undefined || stage.setting === "leave") return undefined
  if (stage.setting === "derive") return stage.derived()
  throw new AmbientRandomness({ call, stage: stage.stage() })
}

/** What `make` makes of an object, once for each: a stage that is an effect asks for every sample. */
const once = <A extends object>(make: (of: A) => A) => {
  const known = new WeakMap<A, A>()
  return (of: A): A => {
    let own = known.get(of)
    if (own === undefined) {
      own = make(of)
      known.set(of, own)
    }
    return own
  }
}

/** Each `Random` that {@link govern} made. */
const governing = new WeakSet<Random.Random>()

/** `outer` as a stage finds it: its own rng if it draws, else what the setting makes of `outer`. */
const govern = once((outer: Random.Random): Random.Random => {
  const through = <A>(method: string, draw: (random: Random.Random) => Effect.Effect<A>): Effect.Effect<A> =>
    Effect.suspend(() => {
      const rng = atWork()?.drawing() ?? standIn(`Random.${method}`)
      return draw(rng === undefined ? outer : toRandom(rng))
    })
  const own: Random.Random = {
    [Random.RandomTypeId]: Random.RandomTypeId,
    next: through("next", (random) => random.next),
    nextBoolean: through("nextBoolean", (random) => random.nextBoolean),
    nextInt: through("nextInt", (random) => random.nextInt),
    nextRange: (min, max) => through("nextRange", (random) => random.nextRange(min, max)),
    nextIntBetween: (min, max) => through("nextIntBetween", (random) => random.nextIntBetween(min, max)),
    shuffle: (elements) => through("shuffle", (random) => random.shuffle(elements))
  }
  governing.add(own)
  return own
})

/** Runs code whose numbers reach no sample. */
const exempted = <A>(run: () => A): A => {
  const before = state.exempt
  state.exempt = true
  try {
    return run()
  } finally {
    state.exempt = before
  }
}

/** Which tracer an exempt one stands for. */
const standsFor = new WeakMap<Tracer.Tracer, Tracer.Tracer>()

/** `tracer`, whose spans may take their identifiers from wherever they like. */
const exempt = once((tracer: Tracer.Tracer): Tracer.Tracer => {
  const own = Tracer.make({
    span: (...args) => exempted(() => tracer.span(...args)),
    context: (run, fiber) => tracer.context(run, fiber)
  })
  standsFor.set(own, tracer)
  return own
})

/** Returns the program's own tracer, if the tracer in use is the replacement that is installed while runs are open. */
const ownTracer = (tracer: Tracer.Tracer): Tracer.Tracer => {
  const own = standsFor.get(tracer)
  return own === undefined ? tracer : ownTracer(own)
}

const untraced = EffectInternals.live(Tracer.Tracer)

/** Whether the program has a tracer of its own, other than the one that Effect falls back to, whose spans nobody sees. @since 0.1.0 */
export const traced: Effect.Effect<boolean> = Effect.map(Effect.tracer, (tracer) => ownTracer(tracer) !== untraced)

/**
 * Governs ambient randomness for as long as the scope is open. Runs that overlap share one installation; the last to
 * close puts everything back. Under `"leave"` nothing of `Math` and `crypto` is touched.
 *
 * Fails with `InvalidOption` where a function can be neither written nor redefined, as after `Object.freeze(Math)`. What
 * was replaced before it is put back, and the next run tries again.
 *
 * @since 0.1.0
 */
export const installed = (setting: Setting): Effect.Effect<void, InvalidOption, Scope.Scope> =>
  setting === "leave"
    ? during(state.effect, governEffect)
    : Effect.zipRight(during(state.effect, governEffect), during(state.globals, governGlobals))

/** Keeps `replaced` in place while the scope is open. `replace` adds what is missing, also where a run is open already. */
const during = (
  replaced: Replaced,
  replace: (undo: Replaced["undo"]) => void
): Effect.Effect<void, InvalidOption, Scope.Scope> =>
  Effect.acquireRelease(
    checked(() => {
      const added: Replaced["undo"] = new Map()
      try {
        replace(added)
      } catch (error) {
        // What another run has replaced is its own.
        putBack(added, replaced.undo)
        throw error
      }
      for (const [replacement, undo] of added) replaced.undo.set(replacement, undo)
      replaced.open++
    }),
    () =>
      Effect.sync(() => {
        if (--replaced.open > 0) return
        putBack(replaced.undo)
        replaced.undo.clear()
      })
  )

const putBack = (added: Replaced["undo"], except: ReadonlyMap<unknown, unknown> = new Map()): void => {
  for (const [replacement, undo] of [...added].reverse()) if (!except.has(replacement)) undo()
}

/** `Math.random` and the two functions of `crypto`. */
const governGlobals = (undo: Replaced["undo"]): void => {
  const { crypto } = globalThis
  const targets: ReadonlyArray<Replacement.Target> = [
    {
      call: "Math.random",
      object: Math,
      key: "random",
      wrap: (random) => () => {
        const rng = standIn("Math.random")
        return rng === undefined ? random() : rng.double()
      }
    },
    {
      call: "crypto.getRandomValues",
      object: crypto,
      key: "getRandomValues",
      wrap: (fill) => (array: unknown) => {
        const rng = standIn("crypto.getRandomValues")
        if (rng === undefined || !ArrayBuffer.isView(array)) return fill(array)
        rng.fill(new Uint8Array(array.buffer, array.byteOffset, array.byteLength))
        return array
      }
    },
    {
      call: "crypto.randomUUID",
      object: crypto,
      key: "randomUUID",
      wrap: (uuid) => () => {
        const rng = standIn("crypto.randomUUID")
        return rng === undefined ? uuid() : uuidOf(rng.fill(new Uint8Array(16)))
      }
    }
  ]
  for (const target of targets) {
    const made = Replacement.replace(target)
    if (made === undefined) {
      throw new InvalidOption({
        option: target.call,
        value: "a read-only property",
        expected:
          "writable or configurable, so that a run can guard it: freeze its object only once the run is open, or choose " +
          'Pipeline.ambient("leave")'
      })
    }
    undo.set(made.replacement, made.undo)
  }
}

/** What Effect falls back to in a fiber that was given no `Random`, and what it draws for itself. */
const governEffect = (undo: Replaced["undo"]): void => {
  const all = [
    // `Effect.runSync(Random.next)` inside plain code.
    EffectInternals.exchange(Random.Random, (live) => (governing.has(live) ? live : govern(live))),
    EffectInternals.exchange(Tracer.Tracer, (live) => (standsFor.has(live) ? live : exempt(live))),
    EffectInternals.hashesBy(() => exempted(Math.random))
  ]
  for (const made of all) if (made !== undefined) undo.set(made.replacement, made.undo)
}

/** RFC 9562, version 4: 122 random bits, version and variant in their places. */
const uuidOf = (bytes: Uint8Array): `${string}-${string}-${string}-${string}-${string}` => {
  const at = (index: number): number => bytes[index] ?? 0
  bytes[6] = (at(6) & 0x0f) | 0x40
  bytes[8] = (at(8) & 0x3f) | 0x80
  const hex = encodeHex(bytes)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
