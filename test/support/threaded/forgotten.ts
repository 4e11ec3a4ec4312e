/** A program that forgets runs, all with one signal, and collects garbage; run with garbage collection exposed. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Dataset, furrow, Pipeline } from "../../../src/index.ts"
import { pipeline } from "./epochs.ts"

const collect = async () => {
  for (let turn = 0; turn < 10; turn++) {
    if (typeof Bun === "undefined") (globalThis as unknown as { readonly gc: () => void }).gc()
    else Bun.gc(true)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Counts the listeners of a signal. */
const counted = (signal: AbortSignal): ReadonlySet<unknown> => {
  const listeners = new Set<unknown>()
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (type: string, listener: never) => {
    listeners.add(listener)
    add(type, listener)
  }
  signal.removeEventListener = (type: string, listener: never) => {
    listeners.delete(listener)
    remove(type, listener)
  }
  return listeners
}

/** What a call of a run that nothing else holds rejects with. */
const waiting = (signal: AbortSignal): Promise<unknown> => {
  const stuck = Pipeline.from(Dataset.effect({ size: 4, get: () => Effect.never })).pipe(Pipeline.batch(2))
  return furrow(stuck, { epochs: 1, signal })
    .take()
    .catch((error: unknown) => error)
}

if (import.meta.main) {
  const config = { size: 100, batch: 3 }
  const backend = process.argv[2]
  const threads = backend === "threads" ? { threads: { pipeline: import.meta.resolve("./epochs.ts"), config } } : {}
  const options = { seed: 1, epochs: 5, workers: 2, replay: true, ...threads }

  const waited = new AbortController()
  const pending = waiting(waited.signal)
  await collect()
  waited.abort("enough")
  console.log(`waited: ${await pending}`)

  // Between two calls it is held by whoever will call next.
  const live = new AbortController()
  const run = furrow(pipeline(config), { ...options, signal: live.signal })
  await run.take()
  await collect()
  live.abort("enough")
  console.log(`ended: ${await run.take().catch((error: unknown) => error)}`)

  const services = new AbortController()
  const released = Promise.withResolvers<string>()
  const layer = Layer.scopedDiscard(Effect.addFinalizer(() => Effect.sync(() => released.resolve("released"))))
  await furrow(pipeline(config), { ...options, layer, signal: services.signal }).take()
  await collect()
  services.abort()
  console.log(await released.promise)

  if (backend === "fibers") {
    const { signal } = new AbortController()
    const listeners = counted(signal)
    for (let count = 0; count < 50; count++) await furrow(pipeline(config), { ...options, signal }).take()
    await collect()
    // A collector may take a stale word of the stack for a reference.
    console.log(listeners.size <= 10 ? "few listeners" : `${listeners.size} listeners`)
  }
}
