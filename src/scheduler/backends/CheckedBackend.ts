/**
 * A backend whose answers are checked, since it may be one of a user's own: what it throws, and what is no batch, is a
 * `BackendError` that names the backend and what it gave. The run fails with it; without the check it would wait for ever.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { show, shown } from "../../core/Show.ts"
import type { RunPlan } from "../plan/RunPlan.ts"
import type {
  Backend,
  BackendSettings,
  BatchCoordinates,
  BuiltBatch,
  Failure,
  OpenBackend,
  RequestedBatch
} from "./Backend.ts"
import { BackendError } from "./BackendError.ts"

/** A backend that is open for one run, and checked. @since 0.1.0 */
export interface CheckedBackend extends OpenBackend {
  readonly over: (worker: number) => Effect.Effect<void>
  /** A batch in place of one whose functions threw: it fails with what they threw. */
  readonly broken: (coordinates: BatchCoordinates, thrown: unknown) => RequestedBatch
  /** The effect that `content` is; fails if it is not an effect. */
  readonly contentOf: (coordinates: BatchCoordinates, requested: RequestedBatch) => RequestedBatch["content"]
  /** What came of a batch; a failure if it is no batch, or lacks the hash that the run needs. */
  readonly checked: (coordinates: BatchCoordinates, exit: Exit.Exit<BuiltBatch, Failure>) => typeof exit
}

/** Opens a backend for a run; it closes with the scope. @since 0.1.0 */
export const open = (
  backend: Backend,
  runPlan: RunPlan,
  settings: BackendSettings
): Effect.Effect<CheckedBackend, BackendError, Scope.Scope> => {
  const { name } = backend
  const failed = (reason: string) => Effect.fail(new BackendError({ backend: name, reason }))
  return Effect.suspend(() => {
    let opening: unknown
    try {
      opening = backend.open(runPlan, settings)
    } catch (thrown) {
      return failed(`its open threw ${shown(thrown)}`)
    }
    // By the backend's type it is such an effect, if it is one at all.
    return Effect.isEffect(opening)
      ? (opening as ReturnType<Backend["open"]>)
      : failed(`its open gave ${show(opening)}, which is no Effect of an OpenBackend`)
  }).pipe(
    Effect.flatMap((own) =>
      isOpen(own)
        ? Effect.succeed(checking(name, own, settings))
        : failed(`its open gave ${show(own)}, which is no OpenBackend { request, poll }`)
    )
  )
}

const isOpen = (value: unknown): value is OpenBackend =>
  has(value, "request", "function") && has(value, "poll", "function")

const isRequested = (value: unknown): value is RequestedBatch =>
  has(value, "isLazy", "boolean") &&
  has(value, "isPending", "function") &&
  has(value, "want", "function") &&
  has(value, "take", "function") &&
  "content" in value

const has = <Key extends string>(value: unknown, key: Key, type: string): value is Record<Key, unknown> =>
  typeof value === "object" && value !== null && key in value && typeof value[key as keyof typeof value] === type // it has the key

/** Checks an open backend of a name; with `digest`, that it gives the hashes that the run needs. @since 0.1.0 */
export const checking = (
  name: string,
  own: OpenBackend,
  { digest }: Pick<BackendSettings, "digest">
): CheckedBackend => {
  const errorAt = ({ batch, epoch, worker }: BatchCoordinates, reason: string): BackendError =>
    new BackendError({ backend: name, worker, epoch, batch, reason })
  const failing = (error: BackendError): RequestedBatch => ({
    isLazy: false,
    isPending: () => false,
    want: () => undefined,
    take: () => undefined,
    content: Effect.fail(error)
  })
  /** What `poll` threw: which batch it was at cannot be known, so all further ones fail. */
  let fault: { readonly thrown: unknown } | undefined

  return {
    request: (coordinates, arrived) => {
      try {
        if (fault !== undefined) return failing(errorAt(coordinates, `its poll threw ${shown(fault.thrown)}`))
        const requested: unknown = own.request(coordinates, arrived)
        if (isRequested(requested)) return requested
        const fields = "{ isLazy, isPending(), want(), take(), content }"
        return failing(
          errorAt(coordinates, `its request gave ${show(requested)}, which is no RequestedBatch ${fields}`)
        )
      } catch (thrown) {
        return failing(errorAt(coordinates, `its request threw ${shown(thrown)}`))
      }
    },
    poll: () => {
      try {
        own.poll()
      } catch (thrown) {
        fault = { thrown }
        throw thrown
      }
    },
    over: (worker) => Effect.suspend(() => own.over?.(worker) ?? Effect.void),
    broken: (coordinates, thrown) =>
      failing(
        errorAt(coordinates, `${fault?.thrown === thrown ? "its poll" : "its RequestedBatch"} threw ${shown(thrown)}`)
      ),
    contentOf: (coordinates, requested) => {
      try {
        const { content } = requested
        if (Effect.isEffect(content)) return content
        return Effect.fail(errorAt(coordinates, `its content is ${show(content)}, which is no Effect`))
      } catch (thrown) {
        return Effect.fail(errorAt(coordinates, `its content threw ${shown(thrown)}`))
      }
    },
    checked: (coordinates, exit) => {
      if (Exit.isFailure(exit)) return exit
      const reason = wrongIn(coordinates, exit.value, digest)
      return reason === undefined ? exit : Exit.fail(errorAt(coordinates, reason))
    }
  }
}

/** What is wrong with what a backend gave for a batch, which by its type is one. */
const wrongIn = ({ batch, epoch }: BatchCoordinates, built: unknown, digest: boolean): string | undefined => {
  if (typeof built !== "object" || built === null)
    return `it gave ${show(built)}, which is no BuiltBatch { batch, hash }`
  const { batch: own, hash } = built as { readonly batch?: unknown; readonly hash?: unknown } // of an object any key may be read
  if (own === undefined) return undefined
  if (!has(own, "size", "number") || !("columns" in own && "epoch" in own && "index" in own)) {
    return `it gave ${show(own)}, which is no Batch`
  }
  if (own.epoch !== epoch || own.index !== batch) {
    return `it gave batch ${show(own.index)} of epoch ${show(own.epoch)}`
  }
  if (!digest || (hash instanceof Uint8Array && hash.length === HASH)) return undefined
  return `it gave ${hash === undefined ? "no hash" : `${show(hash)} as hash`} of the batch, and the run keeps a digest: give Digest.ofColumns(batch.columns)`
}

/** How many bytes the hash of a batch has. */
const HASH = 32
