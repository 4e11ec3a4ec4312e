/** A module that freezes `Math` where it is loaded as a thread, as a lockdown does. */
import { isMainThread } from "node:worker_threads"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

if (!isMainThread) Object.freeze(Math)

const numbers = Pipeline.from(Dataset.range(8))

export const guarded = numbers.pipe(Pipeline.batch(2))

export const left = numbers.pipe(Pipeline.ambient("leave"), Pipeline.batch(2))
