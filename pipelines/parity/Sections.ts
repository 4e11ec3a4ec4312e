/**
 * The sections of a generator file: what each key of an entry holds, as the real libraries' names say it, and how it is
 * compared. Every draw is made anew from its seed, as in the reference.
 */
import { CPython, NumPy, PyTorch } from "../../src/index.ts"

/** A whole number as JSON has it: beyond 2^53 a bigint. */
export type Whole = number | bigint

/** What seeds an entry. */
export interface Start {
  readonly entropy: ReadonlyArray<bigint>
  readonly spawnKey: ReadonlyArray<number>
}

/** How far a number may be off, relative to the reference; nothing at all but for normals. */
const DOUBLE = 1e-12
const FLOAT = 1e-6

/** A key: what it holds for a seed, and its tolerance. */
export interface Key {
  readonly draw: (start: Start) => unknown
  readonly tolerance: number
}

const exact = (draw: (start: Start) => unknown): Key => ({ draw, tolerance: 0 })
const near = (tolerance: number, draw: (start: Start) => unknown): Key => ({ draw, tolerance })

const times = <A>(count: number, draw: () => A): ReadonlyArray<A> => Array.from({ length: count }, draw)

const range = (size: number) => Array.from({ length: size }, (_, index) => index)

const only = ({ entropy: [seed = 0n] }: Start): bigint => seed

const legacy = (make: (start: Start) => NumPy.RandomState.RandomState): Readonly<Record<string, Key>> => ({
  state0: exact((start) => make(start).state().words[0]),
  randint_1000: exact((start) => {
    const numpy = make(start)
    return times(24, () => numpy.randint(0, 1000))
  }),
  randint_small: exact((start) => {
    const numpy = make(start)
    return times(24, () => numpy.randint(-5, 6))
  }),
  randint_full_u32: exact((start) => {
    const numpy = make(start)
    return times(8, () => numpy.randint(0, 2 ** 32))
  }),
  randint_pow40: exact((start) => {
    const numpy = make(start)
    return times(8, () => String(numpy.randint(0, 2 ** 40 + 3)))
  }),
  random_sample: exact((start) => {
    const numpy = make(start)
    return times(8, () => numpy.double())
  }),
  uniform: exact((start) => {
    const numpy = make(start)
    return times(8, () => numpy.uniform(-2, 3))
  }),
  standard_normal: near(DOUBLE, (start) => {
    const numpy = make(start)
    return times(9, () => numpy.standardNormal())
  }),
  permutation: exact((start) => Array.from(make(start).permutation(17))),
  shuffle: exact((start) => make(start).shuffle(range(17))),
  choice_replace: exact((start) => make(start).choice(50, 10, { replace: true })),
  choice_no_replace: exact((start) => make(start).choice(50, 10)),
  choice_p: exact((start) => make(start).choice(4, 10, { replace: true, weights: [0.1, 0.2, 0.3, 0.4] })),
  random_u32: exact((start) => {
    const numpy = make(start)
    return times(1300, () => numpy.randint(0, 2 ** 32)).slice(-4)
  })
})

const generator = (seed: (entropy: bigint) => ReturnType<typeof NumPy.Generator.pcg64Seed>) => {
  const make = (start: Start) => NumPy.Generator.make(seed(only(start)))
  return {
    raw: exact((start) => {
      const numpy = make(start)
      return times(9, () => String(numpy.raw()))
    }),
    integers_1000: exact((start) => {
      const numpy = make(start)
      return times(24, () => numpy.integers(0, 1000))
    }),
    integers_u32: exact((start) => {
      const numpy = make(start)
      return times(8, () => numpy.integers(0, 2 ** 32))
    }),
    random: exact((start) => {
      const numpy = make(start)
      return times(8, () => numpy.double())
    }),
    random_f32: exact((start) => {
      const numpy = make(start)
      return times(8, () => numpy.random32())
    }),
    standard_normal: near(DOUBLE, (start) => {
      const numpy = make(start)
      return times(12, () => numpy.standardNormal())
    }),
    permutation: exact((start) => Array.from(make(start).permutation(17)))
  } satisfies Readonly<Record<string, Key>>
}

const sequence = ({ entropy, spawnKey }: Start) => NumPy.SeedSequence.make(entropy, spawnKey)

const torch = (start: Start) => PyTorch.manualSeed(only(start))

const python = (start: Start) => CPython.random(only(start))

/** How a section is laid out: an object of entries by seed, or a list of entries that name their seed. */
export interface Section {
  readonly layout: "by seed" | "by array" | "by entropy"
  readonly keys: Readonly<Record<string, Key>>
}

/** All sections by name. */
export const sections: Readonly<Record<string, Section>> = {
  numpy_legacy: { layout: "by seed", keys: legacy((start) => NumPy.randomState(Number(only(start)))) },
  numpy_legacy_array: {
    layout: "by array",
    keys: legacy(({ entropy }) => NumPy.randomState(entropy.map(Number)))
  },
  numpy_pcg64: { layout: "by seed", keys: generator(NumPy.Generator.pcg64Seed) },
  numpy_philox: { layout: "by seed", keys: generator(NumPy.Generator.philoxSeed) },
  seed_sequence: {
    layout: "by entropy",
    keys: {
      u32: exact((start) => Array.from(sequence(start).generateState(8))),
      u64: exact((start) => Array.from(sequence(start).generateState64(4), String))
    }
  },
  pytorch: {
    layout: "by seed",
    keys: {
      initial_seed: exact((start) => String(torch(start).initialSeed)),
      random_int64: exact((start) => {
        const own = torch(start)
        return times(4, () => String(own.random()))
      }),
      randint_1000: exact((start) => {
        const own = torch(start)
        return times(24, () => own.randint(0, 1000))
      }),
      rand_f32: exact((start) => Array.from(torch(start).rand(8))),
      rand_f64: exact((start) => Array.from(torch(start).rand64(8))),
      randn_scalar_f32: near(FLOAT, (start) => {
        const own = torch(start)
        return times(6, () => own.randn(1)[0])
      }),
      randn_5: near(FLOAT, (start) => Array.from(torch(start).randn(5))),
      randn_16: near(FLOAT, (start) => Array.from(torch(start).randn(16))),
      randn_20: near(FLOAT, (start) => Array.from(torch(start).randn(20))),
      randperm_10: exact((start) => Array.from(torch(start).randperm(10))),
      randperm_100: exact((start) => Array.from(torch(start).randperm(100))),
      multinomial_replace: exact((start) => Array.from(torch(start).multinomial([0.1, 0.2, 0.3, 0.4], 12)))
    }
  },
  cpython: {
    layout: "by seed",
    keys: {
      random: exact((start) => {
        const own = python(start)
        return times(6, () => own.random())
      }),
      randint_0_999: exact((start) => {
        const own = python(start)
        return times(24, () => own.randint(0, 999))
      }),
      getrandbits_32: exact((start) => {
        const own = python(start)
        return times(6, () => Number(own.getrandbits(32)))
      }),
      uniform: exact((start) => {
        const own = python(start)
        return times(4, () => own.uniform(-1, 2))
      }),
      shuffle: exact((start) => python(start).shuffle(range(17))),
      sample: exact((start) => python(start).sample(range(100), 10)),
      gauss: near(DOUBLE, (start) => {
        const own = python(start)
        return times(5, () => own.gauss(0, 1))
      })
    }
  }
}
