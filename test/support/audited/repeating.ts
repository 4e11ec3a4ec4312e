/** A user's module whose policy forgets the epoch. */
import { SeedPolicy } from "../../../src/index.ts"

export { pipeline } from "./clean.ts"

export const layer = SeedPolicy.fromFunction("forgetful", ({ index, stage }) => ({
  algorithm: "philox4x32-10",
  words: [index, stage.id]
}))
