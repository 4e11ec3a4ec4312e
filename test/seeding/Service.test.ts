import { describe, expect, test } from "bun:test"
import { Effect, Either, Layer } from "effect"
import { InvalidOption } from "../../src/core/InvalidOption.ts"
import { furrow } from "../../src/furrow.ts"
import * as Pipeline from "../../src/pipeline/Pipeline.ts"
import { CoordinatesError, stageId } from "../../src/seeding/Coordinates.ts"
import { epochRequest, type Request } from "../../src/seeding/Request.ts"
import { fromFunction, SeedPolicy } from "../../src/seeding/SeedPolicy.ts"
import { ask, policyOf, type Service } from "../../src/seeding/Service.ts"
import * as Dataset from "../../src/sources/Dataset.ts"

const XOSHIRO = "xoshiro128**"
const NONE = { _tag: "Listed", seeds: [] } as const
const words = (rows: number, width = 4) => Uint32Array.from({ length: rows * width }, (_, at) => at + 1)

/** A policy as code without types may write it. */
const policyFrom = (fields: object): Service =>
  Object.assign({ name: "own", seed: "s", elastic: true, seeds: () => Either.right(NONE) } as Service, fields)
const gives = (answer: unknown): Service => policyFrom({ seeds: () => Either.right(answer) })
const packed = (own: object): Service =>
  gives({ _tag: "Packed", algorithm: XOSHIRO, width: 4, words: words(3), ...own })

const request: Request = {
  ...epochRequest(stageId("n"), 0),
  scope: "sample",
  position: 6,
  indices: Float64Array.of(6, 7, 8)
}

const errorOf = (policy: Service): CoordinatesError => {
  const answer = ask(policy, request)
  if (Either.isRight(answer)) throw new Error("it was not refused")
  expect(answer.left).toBeInstanceOf(CoordinatesError)
  return answer.left
}

const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const pipeline = Pipeline.from(Dataset.range(8)).pipe(
  Pipeline.augment("n", (x, rng) => x * 1000 + rng.integer(9)),
  Pipeline.batch(4)
)

const take = async (own: Service) => {
  const policy = Layer.succeed(SeedPolicy, own)
  const run = furrow(pipeline, {
    policy,
    epochs: 1,
    replay: true,
    failures: { retry: { times: 1 }, skip: { budget: { samples: 8 } } }
  })
  try {
    const batch = await run.take()
    return { data: Array.from(batch?.columns.data ?? []), indices: Array.from(batch?.indices ?? []) }
  } finally {
    await run.close()
  }
}

describe("packed seeds of one's own policy", () => {
  test("that fit are taken", () => {
    expect(Either.getOrThrow(ask(packed({}), request))).toEqual({
      _tag: "Packed",
      algorithm: XOSHIRO,
      width: 4,
      words: words(3)
    })
  })

  test("are refused where the words or the width are not what a generator starts from", () => {
    expect(errorOf(packed({ words: Array.from(words(3)) })).reason).toContain("instead of a Uint32Array")
    expect(errorOf(packed({ words: Float64Array.from(words(3)) })).reason).toContain("an object of Float64Array")
    expect(errorOf(packed({ words: undefined })).reason).toContain("its words are undefined")
    for (const width of [2, 8, 0, -4, Number.NaN]) {
      expect(errorOf(packed({ width, words: words(3, 8) })).reason).toBe(
        `a seed of ${XOSHIRO} cannot have the width ${width}`
      )
    }
    expect(errorOf(packed({ words: words(2) })).reason).toBe("it gave 2 seeds where 3 were asked for")
    expect(errorOf(packed({ algorithm: "philox4x32-10", width: 3, words: words(3, 3) })).reason).toContain("words of")
    expect(errorOf(packed({ algorithm: "nope" })).reason).toContain("registered")
  })

  test("that are all zeros are refused at their row", () => {
    const error = errorOf(packed({ words: words(3).fill(0, 4, 8) }))
    expect(error.coordinates.index).toBe(7)
    expect(error.reason).toBe(`words of ${XOSHIRO} must be four, not all 0, got [0,0,0,0]`)
  })

  test("are copied, so that a buffer that is used again changes nothing", () => {
    const buffer = words(3)
    const first = Either.getOrThrow(ask(packed({ words: buffer }), request))
    buffer.fill(9)
    expect(first).toMatchObject({ words: words(3) })
  })
})

describe("what a policy gives instead of seeds", () => {
  test("is an error at the row that it was asked for", () => {
    const good = { algorithm: XOSHIRO, words: [1, 2, 3, 4] }
    for (const bad of [undefined, { algorithm: XOSHIRO, words: [0, 0, 0, 0] }, { algorithm: XOSHIRO, words: [0.5] }]) {
      expect(errorOf(gives({ _tag: "Listed", seeds: [good, bad, good] })).coordinates.index).toBe(7)
    }
    expect(errorOf(gives({ _tag: "Listed" })).reason).toContain("undefined instead of an array")
    expect(errorOf(gives(revoked())).coordinates.stage.name).toBe("n")
    expect(errorOf(policyFrom({ seeds: revoked })).coordinates.stage.name).toBe("n")
    const seeds = () => {
      throw revoked()
    }
    expect(errorOf(policyFrom({ seeds })).reason).toBe("something that cannot be shown")
    expect(errorOf(policyFrom({ seeds: () => Either.left("just a text") })).reason).toBe("just a text")
    const observe = () => {
      throw new Error("boo")
    }
    expect(errorOf({ ...packed({}), observe }).reason).toBe("its `observe` threw Error: boo")
  })

  test("is neither retried nor skipped in a run", async () => {
    const zero = policyFrom({
      seeds: ({ indices }: Request) =>
        Either.right({
          _tag: "Listed",
          seeds: Array.from(indices, (index) => ({ algorithm: XOSHIRO, words: [0, 0, 0, index] }))
        })
    })
    await expect(take(zero)).rejects.toMatchObject({ _tag: "CoordinatesError", coordinates: { index: 0 } })
    const seeds = ({ indices }: Request) =>
      Either.right({ _tag: "Packed", algorithm: XOSHIRO, width: 4, words: words(indices.length) })
    const record = () => {
      throw new Error("boo")
    }
    await expect(take(policyFrom({ seeds, record }))).rejects.toMatchObject({ reason: "its `record` threw Error: boo" })
  })
})

describe("a policy that writes to what it is given", () => {
  const seeds = (write: (own: Request) => void) => (own: Request) => {
    write(own)
    return Either.right({ _tag: "Packed", algorithm: XOSHIRO, width: 4, words: words(own.indices.length) })
  }

  test("changes no batch: its request is a copy", async () => {
    const fill = seeds(({ indices }) => void (indices as Float64Array).fill(3))
    const left = await take(policyFrom({ seeds: seeds(() => undefined) }))
    expect(await take(policyFrom({ seeds: fill }))).toEqual(left)
    expect(left.indices).toEqual([0, 1, 2, 3])
  })

  test("cannot change a stage's id", async () => {
    const before = JSON.stringify(pipeline.stages)
    const write = seeds(({ stage }) => void Object.assign(stage, { id: 3 }))
    await expect(take(policyFrom({ seeds: write }))).rejects.toBeInstanceOf(CoordinatesError)
    const layer = fromFunction("own", ({ stage }) => {
      Object.assign(stage, { id: 3 })
      return { algorithm: XOSHIRO, words: [1, 2, 3, 4] }
    })
    const own = Effect.runSync(Effect.provide(SeedPolicy, layer))
    expect(errorOf(own).coordinates.stage).toEqual(stageId("n"))
    expect(JSON.stringify(pipeline.stages)).toBe(before)
  })
})

describe("the fields of a policy", () => {
  test("are checked when a run opens", async () => {
    for (const carries of ["forever", true, null]) {
      await expect(take(policyFrom({ carries }))).rejects.toMatchObject({
        _tag: "InvalidOption",
        option: "carries of the policy own",
        value: carries
      })
    }
    for (const fields of [{ names: 5 }, { names: [5] }, { record: 5 }, { observe: null }, { seeds: undefined }]) {
      expect(() => policyOf(policyFrom(fields))).toThrow(InvalidOption)
    }
    for (const carries of ["epoch", "run", undefined]) expect(policyOf(policyFrom({ carries })).name).toBe("own")
  })
})
