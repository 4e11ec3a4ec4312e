/** The numbers, in threads that get no memory to share from their system. */
import { isMainThread } from "node:worker_threads"

if (!isMainThread) {
  WebAssembly.Memory = class {
    constructor() {
      throw new RangeError("out of memory")
    }
  } as unknown as typeof WebAssembly.Memory // so that none can be made
}

export { pipeline } from "./numbers.ts"
