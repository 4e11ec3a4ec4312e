/** Pipelines whose samplers say where rows come from, as a mix, a flatMap and a pack will. */

import * as Pipeline from "../../../src/pipeline/Pipeline.ts"
import type * as Sampler from "../../../src/sampling/Sampler.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"

/** 8 samples of component 0 and 3 of component 1, which an epoch passes through again and again, with a pack's windows. */
const SIZES = [8, 3] as const

/** The component of a position, its place in it, and how often the component was passed through before. */
export const originOf = (position: number) => {
  const component = position % 2
  const place = Math.floor(position / 2)
  const size = SIZES[component === 0 ? 0 : 1]
  return { component, index: place % size, pass: Math.floor(place / size) }
}

const columns = (positions: Float64Array) => {
  const origins = Array.from(positions, originOf)
  return {
    mix: { components: origins.map((own) => own.component), passes: origins.map((own) => own.pass) }
  }
}

const sampler = (name: string, order: () => Sampler.Order): Sampler.Sampler => ({
  name,
  draws: false,
  distinct: true,
  count: () => 48,
  order
})

const drawing = (own: Sampler.Sampler) =>
  Pipeline.from(Dataset.range(48)).pipe(
    Pipeline.sample(own),
    Pipeline.augment("first", (x, rng) => ({ x, first: rng.word() })),
    Pipeline.filter("some", ({ first }) => first % 5 !== 0),
    Pipeline.augment("second", (own, rng) => ({ ...own, second: rng.word() })),
    Pipeline.batch(6),
    Pipeline.augment("behind", (batch, rng) => {
      rng.word()
      return batch
    })
  )

export const mix = drawing(
  sampler("mix", () => Object.assign((position: number) => originOf(position).index, { rows: columns }))
)

/** Three children of each of 16 samples. */
export const children = drawing(
  sampler("children", () =>
    Object.assign((position: number) => Math.floor(position / 3), {
      rows: (positions: Float64Array) => ({ children: positions.map((position) => position % 3) })
    })
  )
)

/** Windows of 12 positions, whose rows are numbered. */
export const packed = drawing(
  sampler("packed", () =>
    Object.assign(() => 0, {
      rows: (positions: Float64Array) => ({
        windows: positions.map((position) => Math.floor(position / 12)),
        children: positions.map((position) => position % 12)
      })
    })
  )
)
