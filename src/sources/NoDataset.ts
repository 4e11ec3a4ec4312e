/**
 * What stands where a dataset belongs, and what would make one of it.
 *
 * @since 0.1.0
 */

/** What makes a dataset of a value that is not one. @since 0.1.0 */
export const cureOf = (value: unknown): string => {
  if (Array.isArray(value)) return "a dataset: Dataset.fromArray(items)"
  if (ArrayBuffer.isView(value))
    return "a dataset: Dataset.fromColumns({ x: data }), or Dataset.fromArray(Array.from(data))"
  if (typeof value === "function")
    return "a dataset: Dataset.make({ size, get }), where get gives the sample at an index"
  if (typeof value === "object" && value !== null) {
    if (Symbol.for("furrow/Pipeline") in value) return "a dataset; this is a pipeline already"
    if (Symbol.for("effect/Stream") in value) return `a dataset: Dataset.fromStream(stream) reads it in order`
    if (Symbol.for("effect/Effect") in value)
      return "a dataset: await Effect.runPromise(effect) first, or yield* it in Effect.gen"
    if ("then" in value) return "a dataset: await the promise first"
    if (Symbol.iterator in value) return `a dataset: ${COLLECT}, or Dataset.fromStream(items) to read them in order`
    if (Symbol.asyncIterator in value) return "a dataset: Dataset.fromStream(items) reads them in order"
  }
  return "a dataset, such as Dataset.fromArray(items), Dataset.fromColumns({ … }) or Dataset.make({ size, get })"
}

const COLLECT = "Dataset.fromArray(Array.from(items))"
