/** Has all threads of a run build some of it: those that are ready first would build a short run by themselves. */
import { isMainThread } from "node:worker_threads"

const LIMIT_MS = 20_000

/** Counts a thread in; what it returns waits, in that thread, until all of them are there. */
export const meeting = (threads: Int32Array, at: number, count: number): (() => void) => {
  if (isMainThread) return () => undefined
  Atomics.add(threads, at, 1)
  Atomics.notify(threads, at)
  return () => {
    const until = performance.now() + LIMIT_MS
    for (let there = Atomics.load(threads, at); there < count; there = Atomics.load(threads, at)) {
      if (performance.now() > until) throw new Error(`${there} of ${count} threads were there after ${LIMIT_MS} ms`)
      Atomics.wait(threads, at, there, 100)
    }
  }
}
