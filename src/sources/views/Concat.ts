/**
 * Datasets joined end to end.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { whole } from "../../core/Check.ts"
import { Made } from "../../core/Parameters.ts"
import { effectful, readManyOrDie } from "../EffectDataset.ts"
import { plain } from "../PlainDataset.ts"
import {
  type Content,
  check,
  type Dataset,
  datasetOf,
  type EachRead,
  getEachOf,
  type IndexError,
  isPlain,
  type Lineage,
  lineageAt,
  madeOf,
  type Plain,
  type ReadAhead,
  readAheadOf
} from "../RandomAccess.ts"
import { eachMapped } from "./View.ts"

type SampleOf<D> = D extends Dataset<infer A, infer _E, infer _R> ? A : never
type ErrorOf<D> = D extends Dataset<infer _A, infer E, infer _R> ? E : never
type ContextOf<D> = D extends Dataset<infer _A, infer _E, infer R> ? R : never

/** One of the datasets that are joined. */
interface Part<A, E, R> {
  readonly dataset: Dataset<A, E, R>
  /** The index at which its samples begin. */
  readonly start: number
  /** The number of its first component. */
  readonly component: number
}

/**
 * Datasets end to end: first the samples of the first, then those of the second … Parts may be empty, and there may be
 * none. The sizes are read once, here. Throws `InvalidOption` when they come to more than 2^53 − 1.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const both = Dataset.concat(Dataset.fromArray(["a", "b"]), Dataset.fromArray([1, 2]))
 * console.assert(both.size === 4 && Effect.runSync(both.get(2)) === 1)
 *
 * @category views
 * @since 0.1.0
 */
export const concat = <const D extends ReadonlyArray<Dataset<unknown, unknown, unknown>>>(
  ...datasets: D
): Dataset<SampleOf<D[number]>, ErrorOf<D[number]>, ContextOf<D[number]>> => {
  type A = SampleOf<D[number]>
  type E = ErrorOf<D[number]>
  type R = ContextOf<D[number]>
  const names = datasets.map((dataset, place) => datasetOf(`part ${place} of Dataset.concat`, dataset).name)
  const name = names.join(" + ") || "nothing"
  const parts: Array<Part<A, E, R>> = []
  let size = 0
  let components = 0
  // Each is one of D's members, so its samples, errors and requirements are among theirs.
  for (const dataset of datasets as ReadonlyArray<Dataset<A, E, R>>) {
    if (dataset.size > 0) parts.push({ dataset, start: size, component: components })
    size = whole(`size of ${name}`, size + dataset.size, 0)
    components += dataset.components ?? 1
  }
  /** The part of an index that is in range. */
  const partOf = (index: number): number => {
    let low = 0
    let high = parts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((parts[middle] as Part<A, E, R>).start <= index)
        low = middle // between 0 and `high`
      else high = middle - 1
    }
    return low
  }
  const turns: Turns = { of: undefined }
  const at = (index: number): Part<A, E, R> => parts[partOf(index)] as Part<A, E, R> // there is one for each index
  const shared = {
    name,
    size: () => size,
    made: new Made("concat", {
      of: parts.map(({ dataset }) => new Made("part", { size: dataset.size, of: madeOf(dataset) }))
    }),
    blocks: blocksOf(parts, size),
    components,
    reorderedBy: (view: string) => {
      for (const { reorderedBy } of datasets) reorderedBy?.(view)
    },
    readAhead: aheadOf(parts, partOf, turns),
    readInWindows: windowsOf(parts),
    locations: datasets.flatMap(({ locations = [] }) => locations),
    content: contentOf(parts, at),
    lineage: (index: number): Lineage => {
      const { component, dataset, start } = at(index)
      const own = lineageAt(dataset, index - start)
      return { ...own, component: component + (own.component ?? 0) }
    },
    locate: (index: number) => {
      const { dataset, start } = at(index)
      return dataset.locate?.(index - start) ?? Effect.succeed(undefined)
    }
  }
  const reads = parts.flatMap(({ dataset }) => (isPlain(dataset) ? [dataset] : []))
  if (reads.length === parts.length) {
    const starts = parts.map(({ start }) => start)
    return plain<A, E>({
      ...shared,
      read: (index) => {
        check(name, index, size)
        const part = partOf(index)
        return (reads[part] as Plain<A, E, R>).read(index - (starts[part] as number)) // both have an entry a part
      }
    })
  }
  /** One request a part, however its indices are strewn over the batch. */
  const requestsOf = (indices: ReadonlyArray<number>) => {
    const asked = new Map<Part<A, E, R>, { readonly rows: Array<number>; readonly indices: Array<number> }>()
    for (const [row, index] of indices.entries()) {
      const part = at(index)
      const request = asked.get(part) ?? { rows: [], indices: [] }
      request.rows.push(row)
      request.indices.push(index - part.start)
      asked.set(part, request)
    }
    return asked
  }
  const eaches = parts.flatMap((part) => {
    const each = eachOf(part.dataset)
    return each === undefined ? [] : [{ part, each }]
  })
  const getEach = (indices: ReadonlyArray<number>): Effect.Effect<EachRead<A, E | IndexError>, E | IndexError, R> => {
    const asked = requestsOf(indices)
    const samples = new Array<A>(indices.length)
    const failed = new Map<number, E | IndexError>()
    const ahead = turns.of
    const read = Effect.forEach(
      eaches,
      ({ each, part }, place) => {
        const request = asked.get(part)
        if (request === undefined) return Effect.void
        ahead?.[place]?.turn?.()
        return Effect.map(each(request.indices), (found) => {
          for (const [place, row] of request.rows.entries()) samples[row] = found.samples[place] as A // as many as rows
          for (const [place, error] of found.failed) failed.set(request.rows[place] as number, error) // as above
        })
      },
      { discard: true }
    )
    return Effect.as(read, { samples, failed })
  }
  return effectful<A, E, R>({
    ...shared,
    batched: parts.some(({ dataset }) => dataset.batched === true),
    get: (index) => {
      const { dataset, start } = at(index)
      return dataset.get(index - start)
    },
    getMany: (indices) => {
      const samples = new Array<A>(indices.length)
      const ahead = turns.of
      return Effect.forEach(
        requestsOf(indices),
        ([part, request]) => {
          ahead?.[parts.indexOf(part)]?.turn?.()
          return Effect.map(readManyOrDie(part.dataset, request.indices), (found) => {
            for (const [place, row] of request.rows.entries()) samples[row] = found[place] as A // as many as rows
          })
        },
        { discard: true }
      ).pipe(Effect.as(samples))
    },
    getEach: eaches.length === parts.length ? getEach : undefined
  })
}

/** What reads samples of a part of which each may fail alone; `undefined` if only a `getMany` that fails as a whole does. */
const eachOf = <A, E, R>(dataset: Dataset<A, E, R>): Dataset<A, E, R>["getEach"] => {
  if (!isPlain(dataset)) return getEachOf(dataset)
  return (indices) => eachMapped({ samples: Array.from(indices), failed: new Map() }, dataset.get)
}

/** Tells each part of the windows that it has a share of. */
const windowsOf =
  (parts: ReadonlyArray<Part<unknown, unknown, unknown>>): Dataset<unknown>["readInWindows"] =>
  (windows) => {
    const countOf = ({ dataset }: Part<unknown, unknown, unknown>): number => (dataset.blocks?.length ?? 1) - 1
    const all = parts.reduce((sum, part) => sum + countOf(part), 0)
    return parts.flatMap((part) => {
      const blocks = countOf(part)
      const own = windows && {
        ...windows,
        blocks: Math.min(windows.blocks, blocks),
        share: windows.share * (blocks / all)
      }
      return part.dataset.readInWindows?.(own) ?? []
    })
  }

/** What reads the parts ahead for the run whose turn it is: parts may share a cache, which accounts for each by itself. */
interface Turns {
  of: ReadonlyArray<ReadAhead | undefined> | undefined
}

/** What reads the samples of all parts ahead that can be. */
const aheadOf = (
  parts: ReadonlyArray<Part<unknown, unknown, unknown>>,
  partOf: (index: number) => number,
  turns: Turns
): Dataset<unknown>["readAhead"] => {
  const openings = parts.map(({ dataset }) => readAheadOf(dataset))
  if (openings.every((own) => own === undefined)) return undefined
  return Effect.map(
    Effect.forEach(openings, (own) => own ?? Effect.succeed(undefined)),
    (own): ReadAhead => {
      const isComplete = (part: number): boolean => own[part] === undefined || own[part].isComplete?.() === true
      return {
        expect: (index) => {
          const part = partOf(index)
          const { start } = parts[part] as Part<unknown, unknown, unknown> // there is one for each index
          own[part]?.turn?.()
          // Of a part of which nothing has to be read no sample keeps those of others from being read.
          return isComplete(part) ? !parts.every((_, at) => isComplete(at)) : own[part]?.expect(index - start) === true
        },
        narrow: (blocks, place) => {
          // A block is of one part, and those of a part follow one another.
          const last = blocks.length - 1
          const partAt = (at: number): number => partOf(place(blocks[at] as number)) // below `last`
          for (let from = 0, to = 0; from < last; from = to) {
            const part = partAt(from)
            while (to < last && partAt(to) === part) to++
            const { start } = parts[part] as Part<unknown, unknown, unknown> // as above
            own[part]?.narrow?.(blocks.subarray(from, to + 1), (index) => place(index) - start)
          }
        },
        turn: () => {
          turns.of = own
        },
        isComplete: () => parts.every((_, part) => isComplete(part))
      }
    }
  )
}

/** The blocks of all parts; not known if those of one are not. */
const blocksOf = <A, E, R>(parts: ReadonlyArray<Part<A, E, R>>, size: number): Float64Array | undefined => {
  if (parts.length === 0 || parts.some(({ dataset }) => dataset.blocks === undefined)) return undefined
  const count = parts.reduce((sum, { dataset }) => sum + (dataset.blocks?.length ?? 1) - 1, 0)
  const blocks = new Float64Array(count + 1)
  let at = 0
  for (const { dataset, start } of parts) {
    for (const first of dataset.blocks?.subarray(0, -1) ?? []) blocks[at++] = start + first
  }
  blocks[count] = size
  return blocks
}

/** What is known of the content of all parts. */
const contentOf = <A, E, R>(
  parts: ReadonlyArray<Part<A, E, R>>,
  at: (index: number) => Part<A, E, R>
): Content | undefined => {
  const contents = parts.map(({ dataset }) => dataset.content)
  if (contents.every((own) => typeof own === "function")) {
    return (index) => {
      const { dataset, start } = at(index)
      return typeof dataset.content === "function" ? dataset.content(index - start) : undefined
    }
  }
  return contents.every((own) => typeof own === "string") ? contents.join(" + ") : undefined
}
