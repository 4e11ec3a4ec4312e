import { type FusedStages, type Fusible, fusibleOf } from "../../src/pipeline/Fusible.ts"
import { arena } from "../../src/wasm/Kernels.ts"
import { Output } from "../../src/wasm/Output.ts"

/** The first stages' functions as one step, if the first of them can be fused. */
export const fuse = (
  functions: ReadonlyArray<unknown>,
  output = new Output(arena(), false)
): FusedStages | undefined => {
  const all: Array<Fusible> = []
  for (const own of functions.map(fusibleOf)) {
    if (own === undefined) break
    all.push(own)
  }
  const [first, ...behind] = all
  return first?.fuse(behind, output)
}
