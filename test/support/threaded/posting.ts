/** A pipeline whose stage posts messages from its thread, as a library may that is made for workers. */
import { parentPort } from "node:worker_threads"
import { Dataset, Pipeline } from "../../../src/index.ts"

const said: ReadonlyArray<unknown> = [
  { odd: 1 },
  "hello",
  null,
  [1, "Reply"],
  { _tag: "Unheard" },
  { _tag: "toString" }
]

export const pipeline = Pipeline.from(Dataset.range(64)).pipe(
  Pipeline.map("post", (index) => {
    if (index % 16 === 3) for (const message of said) parentPort?.postMessage(message)
    return index
  }),
  Pipeline.batch(8)
)
