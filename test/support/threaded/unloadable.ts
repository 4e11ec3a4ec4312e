/** A module that throws while a thread loads it: what, and where, is in FURROW_TEST_THROWS. */
import { isMainThread } from "node:worker_threads"
import { Effect, Layer } from "effect"
import { Dataset, Pipeline } from "../../../src/index.ts"
import { odd } from "../odd.ts"

const [where, what] = isMainThread ? [] : (process.env["FURROW_TEST_THROWS"] ?? "").split(": ")

const thrown = (): unknown => odd.find(([name]) => name === what)?.[1]()

const raise = (): never => {
  throw thrown()
}

export const fine = Pipeline.from(Dataset.range(8)).pipe(Pipeline.batch(4))

if (where === "module") raise()

export const pipeline = () => (where === "function" ? raise() : fine)

export const services =
  where === "services" ? Layer.effectDiscard(Effect.suspend(() => Effect.die(thrown()))) : Layer.empty
