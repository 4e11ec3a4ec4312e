/** Pipelines whose threads are ended by what nothing catches: at sample 5, of batch 1. */
import * as Effect from "effect/Effect"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

/** Throws in a timer, or rejects, while the stage waits for something else. */
const later = (raise: () => void) =>
  Pipeline.from(Dataset.range(16)).pipe(
    Pipeline.mapEffect("wait", (x) => {
      if (x !== 5) return Effect.succeed(x)
      setTimeout(raise, 5)
      return Effect.as(Effect.sleep("1 minute"), x)
    }),
    Pipeline.batch(4)
  )

export const late = later(() => {
  throw new RangeError("odd")
})

export const lateSymbol = later(() => {
  throw Symbol("odd")
})

export const lateProxy = later(() => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  throw proxy
})

export const lateCycle = later(() => {
  const error = new Error("odd")
  error.cause = error
  throw Object.assign(error, { run: () => 1 })
})

export const rejected = later(() => void Promise.reject(new RangeError("odd")))

export const dying = Pipeline.from(Dataset.range(16)).pipe(
  Pipeline.map("die", (x) => (x === 5 ? process.exit(7) : x)),
  Pipeline.batch(4)
)

export const nothing = () => undefined
