/**
 * Keeps the checkpoints of one rank of several, so that all of them go on from the same step: the newest that every rank
 * has a whole checkpoint of. A checkpoint's step is how many batches its run has delivered, the same on all ranks.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { CheckpointError } from "./CheckpointError.ts"
import type * as Format from "./Format.ts"
import type { Rank, RankStores } from "./RankStores.ts"
import * as Reading from "./Reading.ts"
import type { Manager, Saved } from "./Service.ts"
import type { Location, View } from "./Store.ts"

/** A step that all ranks of a world have kept. */
interface Common {
  readonly step: number
  /** The checkpoint that this rank goes on from. */
  readonly path: string
  readonly content: Format.Content
}

/** What the ranks of a world have kept. */
interface Survey {
  readonly world: number
  /** The newest step of all of them. */
  readonly common: Common | undefined
  /** For each rank the steps it has, newest first; none if it has never been here. */
  readonly steps: ReadonlyArray<ReadonlyArray<number> | undefined>
  /** What was damaged and would have been newer. */
  readonly damaged: ReadonlyArray<CheckpointError>
}

/** A checkpoint of a known step, which its id is. */
interface Kept extends Location {
  readonly id: number
}

const newestFirst = (locations: ReadonlyArray<Location>): ReadonlyArray<Kept> =>
  locations
    .flatMap(({ id, path, stamp }) => (id === undefined ? [] : [{ id, path, stamp }]))
    .toSorted((a, b) => b.id - a.id)

/** As `look`, of a rank that may be at work: what it has removed since it was listed is `missing`, not damaged. */
const lookAt = (view: View, path: string): ReturnType<typeof Reading.look> =>
  Effect.flatMap(Reading.look(view, path), (content) => {
    if (Either.isRight(content) || content.left.kind !== "empty") return Effect.succeed(content)
    return Effect.flatMap(view.locations, (locations) =>
      locations.some((location) => location.path === path) ? Effect.succeed(content) : gone(path)
    )
  })

const gone = (path: string) =>
  new CheckpointError({ kind: "missing", path, wrong: "was removed or replaced", remedy: "look again" })

/** How often listing all ranks is repeated because one of them removed a checkpoint meanwhile. */
const AGAIN = 5

/** The checkpoints of a run without ranks, as a world that goes on from them sees them. */
const surveyAlone = (stores: RankStores): Effect.Effect<Survey, CheckpointError> =>
  Effect.gen(function* () {
    const damaged: Array<CheckpointError> = []
    const view = yield* stores.view({ rank: 0, world: 1 })
    if (Option.isNone(view)) return { world: 1, common: undefined, steps: [undefined], damaged }
    const locations = newestFirst(yield* view.value.locations)
    for (const { path } of locations) {
      const content = yield* lookAt(view.value, path)
      if (Either.isLeft(content)) {
        damaged.push(content.left)
        continue
      }
      const step = content.right.cursor.batches
      return { world: 1, common: { step, path, content: content.right }, steps: [[step]], damaged }
    }
    return { world: 1, common: undefined, steps: [[]], damaged }
  })

/** What the ranks of a world have kept; `rank` is the one whose checkpoint is wanted. */
const survey = (stores: RankStores, { rank, world }: Rank): Effect.Effect<Survey, CheckpointError> =>
  world === 1
    ? surveyAlone(stores)
    : Effect.gen(function* () {
        const views: Array<View | undefined> = []
        const kept: Array<ReadonlyMap<number, string>> = []
        const damaged: Array<CheckpointError> = []
        for (let other = 0; other < world; other++) {
          const view = Option.getOrUndefined(yield* stores.view({ rank: other, world }))
          const locations = view === undefined ? [] : yield* view.locations
          views.push(view)
          kept.push(new Map(newestFirst(locations).map(({ id, path }) => [id, path])))
          // What cannot even be asked for its step may be the newest.
          for (const { id, path } of locations) {
            if (id !== undefined || view === undefined) continue
            const content = yield* lookAt(view, path)
            if (Either.isLeft(content)) damaged.push(content.left)
          }
        }
        const steps = views.map((view, other) =>
          view === undefined ? undefined : Array.from(kept[other]?.keys() ?? [])
        )
        for (const step of kept[rank]?.keys() ?? []) {
          if (!kept.every((own) => own.has(step))) continue
          let own: Common | undefined
          let whole = true
          for (const [other, paths] of kept.entries()) {
            const path = paths.get(step)
            const view = views[other]
            if (path === undefined || view === undefined) continue // each has the step
            const content = yield* lookAt(view, path)
            if (Either.isLeft(content)) {
              damaged.push(content.left)
              whole = false
            } else if (content.right.cursor.batches !== step) {
              // A slot of a key-value store that was given to another checkpoint meanwhile.
              return yield* gone(path)
            } else if (other === rank) own = { step, path, content: content.right }
          }
          if (whole && own !== undefined) return { world, common: own, steps, damaged }
        }
        return { world, common: undefined, steps, damaged }
      })

/** The newest step of any world; of two worlds that stand at one step, this one's. */
const newest = (surveys: ReadonlyArray<Survey>, world: number): Survey | undefined => {
  let best: Survey | undefined
  for (const own of surveys) {
    if (own.common === undefined) continue
    const step = best?.common?.step ?? -1
    if (own.common.step > step || (own.common.step === step && own.world === world)) best = own
  }
  return best
}

/** What all worlds have kept; repeated if a running rank removed something meanwhile. */
const surveyed = (stores: RankStores, { rank, world }: Rank, others: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const all: Array<Survey> = []
    for (const size of new Set([...(yield* stores.worlds), ...others])) {
      // Under a policy that lets worlds change, a rank goes on from what a rank of the old world kept.
      all.push(yield* survey(stores, { rank: size === world ? rank : rank % size, world: size }))
    }
    return all
  }).pipe(Effect.retry({ times: AGAIN, while: ({ kind }) => kind === "missing" }))

const saved = ({ common, damaged }: Survey): Option.Option<Saved> =>
  common === undefined ? Option.none() : Option.some({ ...common.content, path: common.path, skipped: damaged })

/**
 * Whether all ranks are to start afresh though some have a checkpoint: the run was cut off while its first one was being
 * kept. Each rank has been here, so that all see the same, and none has more than that one.
 */
const isFirstCut = ({ damaged, steps }: Survey): boolean =>
  damaged.length === 0 &&
  steps.every((own) => own !== undefined && own.length <= 1) &&
  steps.some((own) => own?.length === 0)

const told = (steps: Survey["steps"]): string =>
  steps
    .map((own, rank) => {
      if (own === undefined) return `rank ${rank} has never been here`
      return own.length === 0 ? `rank ${rank} has none` : `rank ${rank} has ${own.slice(0, 5).join(", ")}`
    })
    .slice(0, 16)
    .join("; ")

const apart = (path: string, { damaged, steps, world }: Survey): CheckpointError =>
  new CheckpointError({
    kind: "ranks",
    path,
    wrong:
      `has no step that all ${world} ranks have kept (${told(steps)})` +
      (damaged.length === 0 ? "" : `; damaged: ${damaged.map((error) => error.path).join(", ")}`),
    remedy: "have all ranks share this folder and save at the same steps; to start afresh, move what is there elsewhere"
  })

/**
 * The checkpoints of a run without ranks, which also goes on from what ranks have kept in the same place. `manager` is that
 * of a single process.
 */
export const alone = (manager: Manager, stores: RankStores): Manager => ({
  ...manager,
  latest: Effect.gen(function* () {
    const own = yield* manager.latest
    const best = newest(yield* surveyed(stores, { rank: 0, world: 1 }, []), 1)
    const step = Option.match(own, { onNone: () => -1, onSome: ({ cursor }) => cursor.batches })
    return best?.common !== undefined && best.common.step > step ? saved(best) : own
  })
})

/** The checkpoints of a rank. */
export const make = (stores: RankStores, of: Rank, keep: number): Effect.Effect<Manager> =>
  Effect.gen(function* () {
    const { rank, world } = of
    const { own } = stores
    /** Checkpoints of any rank that were read and found whole, and by what it would show that they are other ones since. */
    const whole = new Map<string, string>()
    let hasBegun = false

    const isWhole = (store: View, { path, stamp }: Location): Effect.Effect<boolean> =>
      stamp !== undefined && whole.get(path) === stamp
        ? Effect.succeed(true)
        : Effect.map(Effect.option(Reading.look(store, path)), (content) => {
            const is = Option.isSome(content) && Either.isRight(content.value)
            if (is && stamp !== undefined) whole.set(path, stamp)
            return is
          })

    const remove = (path: string): Effect.Effect<void, CheckpointError> =>
      Effect.suspend(() => {
        whole.delete(path)
        return own.remove(path)
      })

    /**
     * Removes this rank's checkpoints behind the step that all go on from: other ranks are to make those steps again, and
     * a new checkpoint of theirs must not meet an old one of this rank.
     */
    const cutBack = (step: number): Effect.Effect<void, CheckpointError> =>
      Effect.gen(function* () {
        for (const location of newestFirst(yield* own.locations)) {
          const { id, path } = location
          if (id <= step || !(yield* isWhole(own, location))) continue
          yield* Effect.logDebug(
            `${path} is removed: not all ranks have kept its step, and all go on from ${step < 0 ? "the start" : `step ${step}`}`
          )
          yield* remove(path)
        }
      })

    const latest: Manager["latest"] = Effect.gen(function* () {
      const all = yield* surveyed(stores, of, [world, 1])
      const best = newest(all, world)
      const damaged = all.flatMap((one) => one.damaged)
      if (best !== undefined) {
        // What is damaged can be mended by people; till then nothing newer is thrown away.
        if (!hasBegun && damaged.length === 0) yield* cutBack(best.common?.step ?? -1)
        return saved(best)
      }
      const kept = all.filter((one) => one.damaged.length > 0 || one.steps.some((steps) => (steps ?? []).length > 0))
      if (kept.length === 0) return Option.none()
      // To start afresh without a word would lose work, and to do so alone would put this rank out of step. One that has
      // never been here is at its first start, whatever the others have saved since theirs; if its checkpoints were lost,
      // the others are told.
      const other = kept.find((one) => !(isFirstCut(one) || (stores.isNew && one.world === world)))
      if (other !== undefined) return yield* apart(stores.path, other)
      if (!hasBegun) yield* cutBack(-1)
      return Option.none()
    })

    /**
     * Removes what is older than the last `keep` steps that all ranks have whole. A rank that is ahead keeps all that
     * others have yet to reach.
     */
    const prune = Effect.gen(function* () {
      const mine = newestFirst(yield* own.locations)
      if (mine.length <= keep) return
      const others: Array<{ readonly view: View; readonly locations: ReadonlyMap<number, Location> }> = []
      for (let other = 0; other < world; other++) {
        if (other === rank) continue
        const view = Option.getOrUndefined(yield* stores.view({ rank: other, world }))
        if (view === undefined) return
        others.push({
          view,
          locations: new Map(newestFirst(yield* view.locations).map((location) => [location.id, location]))
        })
      }
      let kept = 0
      for (const location of mine) {
        if (kept >= keep) {
          if (yield* isWhole(own, location)) yield* remove(location.path)
          continue
        }
        let common = yield* isWhole(own, location)
        for (const { locations, view } of others) {
          const theirs = locations.get(location.id)
          common &&= theirs !== undefined && (yield* isWhole(view, theirs))
        }
        if (common) kept++
      }
    })

    /** Where the checkpoint of a step goes, and what it takes the place of. */
    const placeFor = (step: number) =>
      Effect.gen(function* () {
        const before = (yield* own.locations).filter(({ id }) => id === step)
        const free = yield* own.vacant(step)
        const [taken] = before
        // A store that gives another number names its locations by it: such a one replaces a checkpoint as a whole.
        if (free.id !== step && taken !== undefined) return { path: taken.path, before: [] }
        return { path: free.path, before: before.filter(({ path }) => path !== free.path) }
      })

    const write: Manager["write"] = (taken) =>
      Effect.gen(function* () {
        const { cursor, encode } = yield* Either.mapLeft(taken, (refused) => refused(stores.path))
        const step = cursor.batches
        const { before, path } = yield* placeFor(step)
        const ranks = `${rank} of ${world}`
        if (cursor.fingerprints.ranks !== ranks) {
          return yield* new CheckpointError({
            kind: "cursor",
            path,
            wrong: `cannot be written: its cursor is of rank ${cursor.fingerprints.ranks}, and these are the checkpoints of rank ${ranks}`,
            remedy: "open the run with the same rank and world as its checkpoints"
          })
        }
        const bytes = encode(step)
        yield* own.write(path, bytes)
        yield* Reading.readBack(own, path, bytes)
        hasBegun = true
        // What was saved is saved; that an old one cannot be removed now is tried again next time.
        yield* Effect.catchAll(
          Effect.zipRight(
            Effect.forEach(before, (location) => remove(location.path), { discard: true }),
            prune
          ),
          (error) => Effect.logWarning(error.message)
        )
        return { path, id: step, content: Either.right(cursor) }
      })

    return yield* Reading.inTurn({ write, latest, list: Reading.list(own) })
  })
