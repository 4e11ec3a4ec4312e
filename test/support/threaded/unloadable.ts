/** A module that throws while a thread loads it, builds its pipeline or its services: FURROW_TEST_THROWS says what, and where. */
import { isMainThread } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import { odd } from "../odd.ts"

/** What makes the value that is to be thrown there, if one is. */
const thrown = (at: "module" | "function" | "services"): (() => unknown) | undefined => {
  const [where, what] = (process.env["FURROW_TEST_THROWS"] ?? "").split(": ")
  return where === at ? odd.find(([name]) => name === what)?.[1] : undefined
}

const raise = (at: "module" | "function"): void => {
  const make = thrown(at)
  if (make !== undefined) throw make()
}

export const fine = Pipeline.from(Dataset.range(8)).pipe(Pipeline.batch(4))

if (!isMainThread) raise("module")

export const pipeline = () => {
  raise("function")
  return fine
}

export const services = Layer.effectDiscard(
  Effect.suspend(() => {
    const make = thrown("services")
    return make === undefined ? Effect.void : Effect.die(make())
  })
)
