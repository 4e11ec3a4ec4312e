/**
 * Operations of native libraries that are under way: a thread that ends while one is takes the memory away that it
 * works on, and on Deno the whole process crashes with it. So a thread counts them, and its owner waits.
 *
 * @since 0.1.0
 */

/** Counts operations under way. @since 0.1.0 */
export interface Gate {
  /** Counts one that is to begin; returns `false`, and counts nothing, once none may begin any more. */
  readonly begin: () => boolean
  readonly end: () => void
}

let gate: Gate | undefined

/** Has this thread's native operations counted by `own` from now on. @since 0.1.0 */
export const countBy = (own: Gate): void => {
  gate = own
}

/** Runs a native operation. Once the thread is about to end none begins: the promise stays pending, as its thread ends. @since 0.1.0 */
export const native = async <A>(run: () => Promise<A>): Promise<A> => {
  const own = gate
  if (own === undefined) return run()
  if (!own.begin()) return new Promise<A>(() => {})
  try {
    return await run()
  } finally {
    own.end()
  }
}
