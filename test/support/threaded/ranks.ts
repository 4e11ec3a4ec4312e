/** A pipeline for threads, made of a recipe; some of its samples fail for good. */
import type * as Batch from "../../../src/pipeline/Batch.ts"
import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import type * as SeedPolicy from "../../../src/seeding/SeedPolicy.ts"
import { type Columns, pipelineOf, type Recipe } from "../recipes.ts"

/** What the pipeline is made of. */
export interface RanksConfig {
  readonly recipe: Recipe
  /** Samples whose index leaves 1 when divided by it fail; 0 for none. */
  readonly breakEvery: number
}

/** What a sample fails with. */
export class Bad extends Error {
  override readonly name = "Bad"
}

/** The stage that fails stands behind `begin`, the first of a recipe's stages. */
export const pipeline = ({
  breakEvery,
  recipe
}: RanksConfig): Pipeline.Pipeline<Batch.Batch<Columns>, never, SeedPolicy.SeedPolicy> =>
  pipelineOf(recipe, (samples) =>
    breakEvery === 0
      ? samples
      : samples.pipe(
          Pipeline.map("picky", (sample) => {
            if (sample.index % breakEvery === 1 % breakEvery) throw new Bad(`sample ${sample.index}`)
            return sample
          })
        )
  )
