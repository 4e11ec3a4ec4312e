/**
 * What the tests use of `bun:test`, for `deno test`: deno.json's import map puts this file in its place.
 *
 * Each test becomes one `Deno.test`, named by the groups it stands in, so Deno's own counts are true counts. Deno's
 * sanitizers stay on where they can (a test that leaves a file open fails), but not for timers and operations, of which
 * Effect's runtime keeps some across tests.
 */
import { expect } from "expect"
import { TEST_LIMIT } from "./rooms.ts"

export { expect }

/** The one thing of Deno's that is used here; the types of both runtimes cannot stand side by side. */
declare const Deno: {
  readonly test: (options: {
    readonly name: string
    readonly ignore: boolean
    readonly sanitizeOps: boolean
    readonly sanitizeResources: boolean
    readonly fn: () => Promise<void>
  }) => void
}

type Body = () => unknown

interface Options {
  readonly timeout?: number
}

interface Group {
  readonly name: string
  readonly beforeAll: Array<Body>
  readonly afterAll: Array<Body>
  readonly beforeEach: Array<Body>
  readonly afterEach: Array<Body>
  /** Tests of this group and the groups in it that are still to come. */
  pending: number
  /** Its `beforeAll`s, once they have begun; one that failed fails every test of the group. */
  begun: Promise<void> | undefined
}

const group = (name: string): Group => ({
  name,
  beforeAll: [],
  afterAll: [],
  beforeEach: [],
  afterEach: [],
  pending: 0,
  begun: undefined
})

let path: ReadonlyArray<Group> = [group("")]

/**
 * Loads a test file among others: its tests are named by it, and its hooks, those outside of groups too, are for them alone.
 */
export const file = async (name: string, load: () => Promise<unknown>): Promise<void> => {
  path = [group(name)]
  await load()
  path = [group("")]
}

const current = (): Group => path[path.length - 1] as Group // never empty

const hook =
  (kind: "beforeAll" | "afterAll" | "beforeEach" | "afterEach") =>
  (body: Body, options?: number | Options): void => {
    current()[kind].push(() => within(timeoutOf(options), body))
  }

export const beforeAll = hook("beforeAll")
export const afterAll = hook("afterAll")
export const beforeEach = hook("beforeEach")
export const afterEach = hook("afterEach")

const describeNow = (name: string, body: () => void): void => {
  const before = path
  path = [...path, group(name)]
  try {
    // Tests that come to be after this has returned would stand outside of the group and its hooks, unseen.
    const result: unknown = body()
    if (result instanceof Promise) throw new Error(`the body of describe("${name}") must not be async`)
  } finally {
    path = before
  }
}

const timeoutOf = (options: number | Options | undefined): number =>
  typeof options === "number" ? options : (options?.timeout ?? TEST_LIMIT)

/** Runs all of them, in order, whatever becomes of the others; then fails with the first failure. */
const runAll = async (bodies: ReadonlyArray<Body>): Promise<void> => {
  const failures: Array<unknown> = []
  for (const body of bodies) {
    try {
      await body()
    } catch (failure) {
      failures.push(failure)
    }
  }
  if (failures.length > 0) throw failures[0]
}

const runInTurn = async (bodies: ReadonlyArray<Body>): Promise<void> => {
  for (const body of bodies) await body()
}

const define = (name: string, body: Body, options: number | Options | undefined, ignore: boolean): void => {
  const groups = path
  if (!ignore) for (const each of groups) each.pending++
  Deno.test({
    name: [...groups.map((each) => each.name), name].filter((part) => part !== "").join(" > "),
    ignore,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const outwards = groups.toReversed()
      const begin = async (): Promise<void> => {
        for (const each of groups) {
          each.begun ??= runInTurn(each.beforeAll)
          await each.begun
        }
      }
      const around = (): Promise<void> =>
        runAll([
          async () => {
            await runInTurn(groups.flatMap((each) => each.beforeEach))
            await within(timeoutOf(options), body)
          },
          ...outwards.flatMap((each) => each.afterEach)
        ])
      const end = (): Promise<void> => {
        for (const each of outwards) each.pending--
        return runAll(outwards.filter((each) => each.pending === 0).flatMap((each) => each.afterAll))
      }
      await runAll([() => begin().then(around), end])
    }
  })
}

const within = async (timeout: number, body: Body): Promise<void> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took longer than ${timeout} ms`)), timeout)
  })
  try {
    await Promise.race([body(), late])
  } finally {
    clearTimeout(timer)
  }
}

type Define = (name: string, body: Body, options?: number | Options) => void

/** `test.each`: one test a row; `%s`-like places in the name take the row's values in turn. */
const each =
  (run: Define) =>
  (rows: ReadonlyArray<unknown>) =>
  (name: string, body: (...row: ReadonlyArray<unknown>) => unknown, options?: number | Options): void => {
    rows.forEach((row, place) => {
      const values: ReadonlyArray<unknown> = Array.isArray(row) ? row : [row]
      let next = 0
      const full = name.replaceAll(/%[sdifjop#%]/g, (mark) => {
        if (mark === "%%") return "%"
        if (mark === "%#") return String(place)
        const value = values[next++]
        return typeof value === "object" ? JSON.stringify(value) : String(value)
      })
      run(full, () => body(...values), options)
    })
  }

const run: Define = (name, body, options) => define(name, body, options, false)
const skip: Define = (name, body = () => undefined, options) => define(name, body, options, true)

export const test = Object.assign((name: string, body: Body, options?: number | Options) => run(name, body, options), {
  each: each(run),
  skip,
  skipIf: (condition: boolean) => Object.assign(condition ? skip : run, { each: each(condition ? skip : run) }),
  if: (condition: boolean) => (condition ? run : skip)
})

export const it = test

/** A group that is left out stands as one skipped test, so that its name is seen. */
const describeSkip = (name: string, _body: () => void): void => skip(name, () => undefined)

export const describe = Object.assign(describeNow, {
  skip: describeSkip,
  skipIf: (condition: boolean) => (condition ? describeSkip : describeNow),
  each:
    (rows: ReadonlyArray<unknown>) =>
    (name: string, body: (...row: ReadonlyArray<unknown>) => void): void => {
      each((full, inner) => describeNow(full, () => void inner()))(rows)(name, body)
    }
})
