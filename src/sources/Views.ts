/**
 * Datasets seen through a function, in part, or end to end. All of them are data-last, for `pipe`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { whole } from "../core/Check.ts"
import { concurrent } from "../core/Concurrent.ts"
import { checked, InvalidOption } from "../core/InvalidOption.ts"
import { functionOf, listOf, optionsOf, textOf } from "../core/Options.ts"
import { DECLARED, Made, type ParametersOption, valid } from "../core/Parameters.ts"
import {
  attempt,
  type Content,
  called,
  check,
  contentOf,
  type Dataset,
  DatasetError,
  datasetOf,
  Effectful,
  type IndexError,
  type NameOptions,
  nameOf,
  Plain
} from "./RandomAccess.ts"

/**
 * Every sample through `f`, anew each time it is asked for. Plain code; what it throws becomes a `DatasetError` that
 * carries this view's name (`digits, mapped`). For work that belongs to the training step rather than to the data, use
 * `Pipeline.map`: there the error also says where in the run it happened.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const halves = Dataset.fromArray([2, 4, 6]).pipe(Dataset.map((n) => n / 2))
 * console.assert(Effect.runSync(halves.get(2)) === 3)
 *
 * @since 0.1.0
 */
export const map = <A, B>(f: (sample: A, index: number) => B, options: NameOptions & ParametersOption = {}) => {
  functionOf("the function of Dataset.map", f)
  optionsOf("Dataset.map", options, { name: true, parameters: true })
  const own = options.name === undefined ? undefined : textOf("name of Dataset.map", options.name)
  return <E, R>(self: Dataset<A, E, R>): Dataset<B, E | DatasetError, R> => {
    datasetOf("the dataset to map", self)
    const name = own ?? `${self.name}, mapped`
    const made = mapped(name, "map", options, self)
    const apply = guarded(name, f)
    if (self instanceof Plain) {
      const { read } = plain<A, E>(self)
      return new Plain<B, E | DatasetError>(
        name,
        () => self.size,
        made,
        (index) => apply(read(index), index),
        undefined,
        self.content
      )
    }
    return new Effectful<B, E | DatasetError, R>(
      name,
      () => self.size,
      made,
      (index) => Effect.flatMap(self.get(index), (sample) => attempt<B, DatasetError>(() => apply(sample, index))),
      (indices) =>
        Effect.flatMap(self.getMany(indices), (samples) =>
          // A dataset gives as many samples as indices, so there is an index to every row.
          attempt<Array<B>, DatasetError>(() => samples.map((sample, row) => apply(sample, indices[row] as number)))
        ),
      self.content,
      self.batched
    )
  }
}

/** A dataset as what another one was made of. @since 0.1.0 */
export const madeOf = ({ made, name }: Dataset<unknown, unknown, unknown>): Made =>
  made ?? new Made("dataset", { name }, contentOf(name))

/** What a dataset was made of by a function. */
const mapped = (
  name: string,
  view: string,
  { parameters }: ParametersOption,
  self: Dataset<unknown, unknown, unknown>
): Made =>
  new Made(view, {
    function:
      valid(`parameters of dataset ${name}`, parameters) ??
      new Made("function", undefined, `the function of dataset ${JSON.stringify(name)}`),
    of: madeOf(self)
  })

/** `f`, with what it throws put into a `DatasetError`. */
const guarded =
  <A, B>(name: string, f: (sample: A, index: number) => B) =>
  (sample: A, index: number): B => {
    try {
      return f(sample, index)
    } catch (cause) {
      throw new DatasetError({ dataset: name, index, cause })
    }
  }

/** `instanceof` finds the class, not its parameters: a `Dataset<A, E, R>` that is a `Plain` is a `Plain<A, E>`. */
const plain = <A, E>(self: Plain<unknown, unknown>): Plain<A, E> => self as Plain<A, E>

/**
 * Every sample through an Effect, anew each time it is asked for, up to `concurrency` (default 16) of a batch at once.
 * What `f` throws instead of failing becomes a `DatasetError`. Throws `InvalidOption` unless `concurrency` is a whole
 * number of at least 1.
 *
 * @since 0.1.0
 */
export const mapEffect = <A, B, E1, R1>(
  f: (sample: A, index: number) => Effect.Effect<B, E1, R1>,
  options: NameOptions & ParametersOption & { readonly concurrency?: number } = {}
) => {
  functionOf("the function of Dataset.mapEffect", f)
  optionsOf("Dataset.mapEffect", options, { name: true, concurrency: true, parameters: true })
  const concurrency = whole("concurrency", options.concurrency ?? 16, 1)
  return <E, R>(self: Dataset<A, E, R>): Dataset<B, E | E1 | DatasetError, R | R1> => {
    datasetOf("the dataset to map", self)
    const name = options.name ?? `${self.name}, mapped`
    const apply = (sample: A, index: number) => called(name, index, () => f(sample, index))
    return new Effectful<B, E | E1 | DatasetError, R | R1>(
      name,
      () => self.size,
      mapped(name, "mapEffect", options, self),
      (index) => Effect.flatMap(self.get(index), (sample) => apply(sample, index)),
      (indices) =>
        Effect.flatMap(self.getMany(indices), (samples) =>
          concurrent(
            samples.length,
            concurrency,
            (row) => apply(samples[row] as A, indices[row] as number), // as many as rows, and as in `map`
            (_, cause) => Exit.failCause(cause)
          )
        ),
      self.content,
      self.batched
    )
  }
}

/** What a view shows of a dataset's content. */
const contentAt = ({ content }: Dataset<unknown, unknown, unknown>, place: (index: number) => number) =>
  typeof content === "function" ? (index: number) => content(place(index)) : content

/** `size` samples of a dataset, of which the one at `index` stands at `place(index)` there. */
export const placed = <A, E, R>(
  self: Dataset<A, E, R>,
  name: string,
  made: Made,
  size: number,
  place: (index: number) => number
): Dataset<A, E, R> => {
  if (self instanceof Plain) {
    const { columnar, read } = plain<A, E>(self)
    return new Plain<A, E>(
      name,
      () => size,
      made,
      (index) => {
        check(name, index, size)
        return read(place(index))
      },
      columnar && { fields: columnar.fields, place: (index) => columnar.place(place(index)) },
      contentAt(self, place)
    )
  }
  return new Effectful<A, E, R>(
    name,
    () => size,
    made,
    (index) => self.get(place(index)),
    (indices) => self.getMany(indices.map(place)),
    contentAt(self, place),
    self.batched
  )
}

/**
 * The samples from `start` up to, not including, `end` (default: the size). Throws `InvalidOption` unless
 * 0 ≤ start ≤ end ≤ size: nothing is cut to fit, so a typing error is not a smaller dataset.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const middle = Dataset.range(10).pipe(Dataset.slice(3, 6))
 * console.assert(Effect.runSync(middle.getMany([0, 1, 2])).join() === "3,4,5")
 *
 * @since 0.1.0
 */
export const slice =
  (start: number, end?: number) =>
  <A, E, R>(self: Dataset<A, E, R>): Dataset<A, E, R> => {
    const { name, size } = datasetOf("the dataset to slice", self)
    whole(`start of the slice of ${name}`, start, 0, size)
    const to = whole(`end of the slice of ${name}`, end ?? size, start, size)
    const made = new Made("slice", { start, end: to, of: madeOf(self) })
    return placed(self, `${name} [${start}, ${to})`, made, to - start, (index) => start + index)
  }

/**
 * The samples at `indices`, in that order; an index may come more than once. The indices are copied, 8 bytes each.
 * Throws `InvalidOption`, which names the first wrong one, unless all are whole numbers from 0 to `size − 1`.
 *
 * @since 0.1.0
 */
export const subset =
  (indices: ArrayLike<number>, options: NameOptions = {}) =>
  <A, E, R>(self: Dataset<A, E, R>): Dataset<A, E, R> => {
    const name = nameOf("Dataset.subset", options)
    const own = Float64Array.from(listOf("the indices of a subset", indices))
    const { size } = datasetOf("the dataset of a subset", self)
    own.forEach((index, place) => {
      if (index >= 0 && index < size && Number.isInteger(index)) return
      const expected = size === 0 ? "left out: the dataset is empty" : `a whole number from 0 to ${size - 1}`
      throw new InvalidOption({
        option: `index at place ${place} of the subset of ${self.name}`,
        value: index,
        expected
      })
    })
    return chosen(self, own, name ?? `${self.name}, subset`, "subset")
  }

const chosen = <A, E, R>(
  self: Dataset<A, E, R>,
  indices: Float64Array,
  name: string,
  view: string
): Dataset<A, E, R> => {
  const made = new Made(view, { indices, of: madeOf(self) })
  // The view asks for places below its size only, which is how many indices there are.
  return placed(self, name, made, indices.length, (index) => indices[index] as number)
}

/** How many samples `filter` reads at a time. */
const CHUNK = 1024

/**
 * The samples that `keep` accepts, in their order. As the only one of the views it must look at every sample to know
 * its size, so it is an Effect that reads the whole dataset once, 1024 samples at a time, and holds 8 bytes a sample
 * kept. What `keep` throws becomes a `DatasetError`.
 *
 * @example
 * import { Effect } from "effect"
 * import { Dataset } from "furrow"
 *
 * const even = Effect.runSync(Dataset.range(10).pipe(Dataset.filter((n) => n % 2 === 0)))
 * console.assert(even.size === 5)
 *
 * @since 0.1.0
 */
export const filter: {
  <A, B extends A>(
    keep: (sample: A, index: number) => sample is B,
    options?: NameOptions
  ): <E, R>(self: Dataset<A, E, R>) => Effect.Effect<Dataset<B, E, R>, E | IndexError | DatasetError | InvalidOption, R>
  <A>(
    keep: (sample: A, index: number) => boolean,
    options?: NameOptions
  ): <E, R>(self: Dataset<A, E, R>) => Effect.Effect<Dataset<A, E, R>, E | IndexError | DatasetError | InvalidOption, R>
} =
  <A>(keep: (sample: A, index: number) => boolean, options: NameOptions = {}) =>
  <E, R>(
    self: Dataset<A, E, R>
  ): Effect.Effect<Dataset<never, E, R>, E | IndexError | DatasetError | InvalidOption, R> =>
    Effect.gen(function* () {
      const name =
        (yield* checked(() => {
          functionOf("the predicate of Dataset.filter", keep)
          datasetOf("the dataset to filter", self)
          return nameOf("Dataset.filter", options)
        })) ?? `${self.name}, filtered`
      const accepts = guarded(name, (sample: A, index: number): boolean => {
        const kept: unknown = keep(sample, index)
        if (kept === true || kept === false) return kept
        // A promise would count as true.
        throw new InvalidOption({ option: "what the predicate gives", value: kept, expected: "true or false" })
      })
      const size = self.size
      const kept: Array<number> = []
      for (let start = 0; start < size; start += CHUNK) {
        const indices = Array.from({ length: Math.min(CHUNK, size - start) }, (_, offset) => start + offset)
        const samples = yield* self.getMany(indices)
        yield* attempt<void, DatasetError>(() => {
          for (const [offset, sample] of samples.entries()) {
            if (accepts(sample, start + offset)) kept.push(start + offset)
          }
        })
      }
      // What is left was accepted by `keep`: by a refinement, it is a B; else `self`'s A. The overloads say which.
      return chosen(self, Float64Array.from(kept), name, "filter") as Dataset<never, E, R>
    })

type SampleOf<D> = D extends Dataset<infer A, infer _E, infer _R> ? A : never
type ErrorOf<D> = D extends Dataset<infer _A, infer E, infer _R> ? E : never
type ContextOf<D> = D extends Dataset<infer _A, infer _E, infer R> ? R : never

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
 * @since 0.1.0
 */
export const concat = <const D extends ReadonlyArray<Dataset<unknown, unknown, unknown>>>(
  ...parts: D
): Dataset<SampleOf<D[number]>, ErrorOf<D[number]>, ContextOf<D[number]>> => {
  type A = SampleOf<D[number]>
  type E = ErrorOf<D[number]>
  type R = ContextOf<D[number]>
  parts.forEach((part, place) => {
    datasetOf(`part ${place} of Dataset.concat`, part)
  })
  // Each part is one of D's members, so its samples, errors and requirements are among theirs.
  const members = (parts as ReadonlyArray<Dataset<A, E, R>>).filter((part) => part.size > 0)
  const name = parts.map((part) => part.name).join(" + ") || "nothing"
  const starts: Array<number> = []
  let size = 0
  for (const member of members) {
    starts.push(size)
    size = whole(`size of ${name}`, size + member.size, 0)
  }
  const partOf = (index: number): number => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      // `middle` lies between two places of `starts`.
      if ((starts[middle] as number) <= index) low = middle
      else high = middle - 1
    }
    return low
  }
  const contents = members.map(({ content }) => content)
  const content: Content | undefined = contents.every((own) => typeof own === "function")
    ? (index) => {
        const part = partOf(index)
        return contents[part]?.(index - (starts[part] as number))
      }
    : contents.every((own) => typeof own === "string")
      ? contents.join(" + ")
      : undefined
  const made = new Made("concat", {
    of: members.map((member) => new Made("part", { size: member.size, of: madeOf(member) }))
  })
  // `partOf` gives a place of `members` and `starts`, as long as there is an index to ask for.
  if (members.every((member) => member instanceof Plain)) {
    const reads = members.map((member) => plain<A, E>(member).read)
    return new Plain<A, E>(
      name,
      () => size,
      made,
      (index) => {
        check(name, index, size)
        const part = partOf(index)
        return (reads[part] as (index: number) => A)(index - (starts[part] as number))
      },
      undefined,
      content
    )
  }
  return new Effectful<A, E, R>(
    name,
    () => size,
    made,
    (index) => {
      const part = partOf(index)
      return (members[part] as Dataset<A, E, R>).get(index - (starts[part] as number))
    },
    (indices) => {
      // One request a part, however its indices are strewn over the batch.
      const asked = new Map<number, { readonly rows: Array<number>; readonly indices: Array<number> }>()
      for (const [row, index] of indices.entries()) {
        const part = partOf(index)
        const request = asked.get(part) ?? { rows: [], indices: [] }
        request.rows.push(row)
        request.indices.push(index - (starts[part] as number))
        asked.set(part, request)
      }
      const samples = new Array<A>(indices.length)
      return Effect.forEach(
        asked,
        ([part, request]) =>
          Effect.map((members[part] as Dataset<A, E, R>).getMany(request.indices), (found) => {
            for (const [at, row] of request.rows.entries()) samples[row] = found[at] as A
          }),
        { discard: true }
      ).pipe(Effect.as(samples))
    },
    content,
    members.some(({ batched }) => batched === true)
  )
}

/**
 * Declares what a dataset holds: the hash of its files, a version, a date. A cursor then tells it from another content of
 * the same name and size, and refuses that. Datasets of arrays and columns do not need it: their samples are looked at.
 * Throws `InvalidOption` for an empty text.
 *
 * @example
 * import { Dataset } from "furrow"
 *
 * const photos = Dataset.make({ name: "photos", size: 1000, get: (index) => `photo ${index}` })
 * console.assert(photos.pipe(Dataset.withContent("2024-05-01")).content === "2024-05-01")
 *
 * @since 0.1.0
 */
export const withContent =
  (content: string) =>
  <A, E, R>(self: Dataset<A, E, R>): Dataset<A, E, R> => {
    if (typeof content !== "string" || content === "") {
      throw new InvalidOption({ option: "content", value: content, expected: "a text, such as the hash of its files" })
    }
    const { name } = datasetOf("the dataset with a content", self)
    // What is declared speaks for all that cannot be seen below it.
    const made = new Made("withContent", { of: madeOf(self) }, DECLARED)
    if (self instanceof Plain) {
      const { columnar, read } = plain<A, E>(self)
      return new Plain<A, E>(name, () => self.size, made, read, columnar, content)
    }
    return new Effectful<A, E, R>(name, () => self.size, made, self.get, self.getMany, content, self.batched)
  }
