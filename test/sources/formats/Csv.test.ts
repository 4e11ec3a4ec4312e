import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { gzipSync } from "node:zlib"
import { Effect, Stream } from "effect"
import * as fc from "fast-check"
import { InvalidOption } from "../../../src/core/InvalidOption.ts"
import { Pipeline, Scheduler } from "../../../src/index.ts"
import * as Dataset from "../../../src/sources/Dataset.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import { memoryStore } from "../../support/shards/MemoryStore.ts"

const reference = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`reference/${name}`, import.meta.url)))

const read = <Row>(shards: Readonly<Record<string, Uint8Array | string>>, format: Format.Format<Row>) =>
  Effect.gen(function* () {
    const dataset = yield* Dataset.open(Object.keys(shards), { format, index: false })
    return yield* dataset.getMany(Array.from({ length: dataset.size }, (_, index) => index))
  }).pipe(Effect.provide(memoryStore(shards).layer))

const rowsOf = <Row>(bytes: Uint8Array | string, format: Format.Format<Row>) =>
  Effect.runPromise(read({ a: bytes }, format))

const failure = (bytes: Uint8Array | string, format: Format.Format<unknown> = Format.csv()) =>
  Effect.runPromise(Effect.flip(read({ a: bytes }, format)))

interface Expected {
  readonly rows: ReadonlyArray<Readonly<Record<string, unknown>>>
}
const { rows: expected }: Expected = JSON.parse(new TextDecoder().decode(reference("formats.json")))

describe("files that Python wrote", () => {
  for (const blockBytes of [1, 300, 2 ** 20]) {
    test(`rows.csv is read exactly in blocks of ${blockBytes} bytes`, async () => {
      const wanted = expected.map(({ f64, flag, id, maybe, text }) => ({ id, text, maybe: maybe ?? "", f64, flag }))
      expect<ReadonlyArray<unknown>>(await rowsOf(reference("rows.csv"), Format.csv({ blockBytes }))).toEqual(wanted)
    })

    test(`rows.tsv is read exactly in blocks of ${blockBytes} bytes`, async () => {
      const wanted = expected.map(({ f64, id, text }) => ({ id, text, f64 }))
      expect<ReadonlyArray<unknown>>(await rowsOf(reference("rows.tsv"), Format.tsv({ blockBytes }))).toEqual(wanted)
    })
  }
})

/** A cell as RFC 4180 writes it; quotes are free where they are not needed. */
const written = (cell: string, isQuoted: boolean): string =>
  isQuoted || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell

test("any cells are read back, in blocks of any size, compressed or not", async () => {
  const cell = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r", "é", " ", ";"), maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(cell, cell, fc.boolean()), { maxLength: 12 }),
      fc.constantFrom("\n", "\r\n"),
      fc.constantFrom(1, 20, 1000),
      fc.boolean(),
      fc.boolean(),
      async (rows, end, blockBytes, isPacked, isEnded) => {
        const lines = rows.map(([x, y, quoted]) => `${written(x, quoted)},${written(y, !quoted)}`)
        const text = ["x,y", ...lines].join(end) + (isEnded ? end : "")
        const bytes = isPacked ? new Uint8Array(gzipSync(text)) : text
        const types = { x: "string", y: "string" } as const
        expect<ReadonlyArray<unknown>>(await rowsOf(bytes, Format.csv({ blockBytes, types }))).toEqual(
          rows.map(([x, y]) => ({ x, y }))
        )
      }
    ),
    { numRuns: 150 }
  )
})

test("an empty line of one column is a row of an empty cell, in blocks of any size, compressed or not", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom("", '""', "1", '"2"'), { maxLength: 9 }),
      fc.constantFrom("\n", "\r\n"),
      fc.constantFrom(1, 4, 1000),
      fc.boolean(),
      fc.boolean(),
      async (cells, end, blockBytes, isPacked, isNamed) => {
        const named = isNamed ? { header: ["x"] } : {}
        const format = Format.csv({ blockBytes, types: { x: "number" }, ...named })
        const text = [...(isNamed ? [] : [end, `x${end}`]), ...cells.map((cell) => cell + end)].join("")
        const bytes = isPacked ? new Uint8Array(gzipSync(text)) : new TextEncoder().encode(text)
        const rows = cells.map((cell) => ({
          x: cell.length < 1 || cell === '""' ? null : Number(cell.replaceAll('"', ""))
        }))
        expect<ReadonlyArray<unknown>>(await rowsOf(bytes, format)).toEqual(rows)
      }
    ),
    { numRuns: 60 }
  )
})

describe("types", () => {
  test("are inferred from the cells that are not empty", async () => {
    const text = "a,b,c,d,e,f\n1,True,9007199254740993,x,,1e3\n-2.5,false,1,1,,nan\n,,,,,-inf\n"
    expect(await rowsOf(text, Format.csv())).toEqual([
      { a: 1, b: true, c: 9007199254740993n, d: "x", e: "", f: 1000 },
      { a: -2.5, b: false, c: 1n, d: "1", e: "", f: Number.NaN },
      { a: null, b: null, c: null, d: "", e: "", f: Number.NEGATIVE_INFINITY }
    ])
  })

  test("are those of a plain file also where it is cut into gzip members, and where it is read in order in pieces", async () => {
    const cell = fc.constantFrom("", "1", "2.5", "x", "9007199254740993", "true")
    const cuts = fc.array(fc.nat(200), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(cell, cell), { maxLength: 9 }),
        cuts,
        fc.constantFrom(1, 3, 1000),
        async (rows, at, sample) => {
          const text = `x,y\n${rows.map((row) => `${row.join(",")}\n`).join("")}`
          const places = [...new Set([0, ...at.filter((own) => own < text.length), text.length])].sort((a, b) => a - b)
          const parts = places.slice(1).map((end, part) => Buffer.from(text.slice(places[part], end)))
          const packed = Buffer.concat(parts.map((part) => gzipSync(part)))
          const format = Format.csv({ sample, blockBytes: 8 })
          const outcome = (bytes: Uint8Array | string) =>
            Effect.runPromise(
              Effect.match(read({ a: bytes }, format), { onSuccess: (own) => own, onFailure: ({ message }) => message })
            )
          const wanted = await outcome(text)
          // Where a row is blamed, compressed shards have no byte.
          const told = (own: unknown) => (typeof own === "string" ? own.replace(/, byte \d+/, "") : own)
          expect(told(await outcome(new Uint8Array(packed)))).toEqual(told(wanted))
          if (typeof wanted === "string") return
          for (const chunks of [parts, [packed]]) {
            const source = Dataset.fromStream(() => chunks, { name: "a", format })
            const batches = Scheduler.stream(Pipeline.from(source).pipe(Pipeline.batchWith(2, (own) => own)), {
              epochs: 1
            })
            const read = await Effect.runPromise(Stream.runCollect(batches))
            expect(Array.from(read).flatMap(({ columns }) => columns)).toEqual([...wanted])
          }
        }
      ),
      { numRuns: 60 }
    )
  })

  test("are inferred from the first row where that is longer", async () => {
    const text = `t,v\n${"x".repeat(2 ** 20)},1\ny,2\n`
    for (const bytes of [text, new Uint8Array(gzipSync(text))]) {
      expect((await rowsOf(bytes, Format.csv())).map(({ v }) => v)).toEqual([1, 2])
      const source = Dataset.fromStream(() => [Buffer.from(bytes)], { name: "a", format: Format.csv() })
      const all = Scheduler.stream(Pipeline.from(source).pipe(Pipeline.batchWith(2, (own) => own)), { epochs: 1 })
      const batches = Array.from(await Effect.runPromise(Stream.runCollect(all)))
      expect(batches.flatMap(({ columns }) => columns.map(({ v }) => v))).toEqual([1, 2])
    }
  })

  test("are inferred from the first MiB, whatever comes in a piece with it", async () => {
    const long = "x".repeat(2 ** 19)
    const text = `t,v\n${long},1\n${long},2\n3,x\n`
    const format = Format.csv({ blockBytes: 2 ** 18 })
    const reason = 'its "v" is "x", which is no number'
    for (const bytes of [text, new Uint8Array(gzipSync(text))]) {
      expect((await failure(bytes, format)).message).toContain(reason)
      const source = Dataset.fromStream(() => [Buffer.from(bytes)], { name: "a", format })
      const all = Scheduler.stream(Pipeline.from(source).pipe(Pipeline.batchWith(2, (own) => own)), { epochs: 1 })
      expect(String(await Effect.runPromise(Effect.flip(Stream.runDrain(all))))).toContain(reason)
    }
  })

  test("of text that a number would change are strings, unless they are declared", async () => {
    const changed = [
      "00501",
      "+1",
      "-01",
      "01.5",
      "+inf",
      "0.12345678901234567890",
      "123456789012345678901.5",
      "1e400",
      "1e-400"
    ]
    for (const cell of changed) {
      expect(await rowsOf(`n\n1\n${cell}\n`, Format.csv())).toEqual([{ n: "1" }, { n: cell }])
      const { message } = await failure(`n\n1\n${cell}\n`, Format.csv({ sample: 1 }))
      expect(message).toContain(
        cell === "+inf" ? "which is no number" : "which as a number would lose something of how it is written"
      )
      expect(message).toContain('declare it as "string" (option types, or --types)')
    }
    expect((await failure("n\n1e400\n", Format.csv({ types: { n: "number" } }))).message).toContain(
      'declare it as "string"'
    )
    const exact = [2n ** 53n, -(2n ** 53n), 2n ** 60n, 10n ** 22n]
    const declared = Format.csv({ types: { n: "number" } })
    const text = `n\n+${exact.join("\n")}\n`
    expect(await rowsOf(text, declared)).toEqual(exact.map((n) => ({ n: Number(n) })))
    for (const other of [2n ** 53n + 1n, 10n ** 23n]) {
      const { message } = await failure(`n\n${other}\n`, declared)
      expect(message).toContain(`${other}", which is equal to no number; declare it as "bigint"`)
    }
    expect((await failure("n\n9007199254740993\n01\n", Format.csv({ sample: 1 }))).message).toContain(
      'which as a bigint would lose something of how it is written; declare it as "string"'
    )
    expect(await rowsOf("n\n00501\n+1\n0.12345678901234567890\n", Format.csv({ types: { n: "number" } }))).toEqual([
      { n: 501 },
      { n: 1 },
      { n: 0.12345678901234568 }
    ])
  })

  test("of any number as it is written are numbers, within the sample and behind it", async () => {
    const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger())
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 1 }), fc.constantFrom(1, 1000), async (all, sample) => {
        const numeral = (own: number): string =>
          Object.is(own, -0) ? "-0" : Number.isSafeInteger(own) ? String(own) : own.toExponential()
        const text = `n\n0.5\n${all.map((own) => `${numeral(own)}\n`).join("")}`
        expect(await rowsOf(text, Format.csv({ sample }))).toEqual([0.5, ...all].map((n) => ({ n })))
      }),
      { numRuns: 100 }
    )
  })

  test("are declared for columns by name; the header, too", async () => {
    const format = Format.csv({ header: ["n", "m"], delimiter: ";", types: { n: "string", m: "bigint" } })
    expect(await rowsOf("01;+5\n02;\n", format)).toEqual([
      { n: "01", m: 5n },
      { n: "02", m: null }
    ])
  })

  test("a later cell of another type is an error with row, byte and column", async () => {
    for (const cell of ["x", "0x10", " 1", "1 ", "9007199254740993", "1_0", "--1", "."]) {
      const error = await failure(`n\n1\n${cell}\n`, Format.csv({ sample: 1 }))
      expect(error).toMatchObject({ _tag: "ShardError", shard: "a", format: "csv", row: 1, byte: 4 })
      const reason = cell === "9007199254740993" ? "is equal to no number" : "is no number"
      expect(error.message).toContain(`its "n" is ${JSON.stringify(cell)}, which ${reason}; declare it as`)
    }
    const error = await failure("n\n1\nyes\n", Format.csv({ types: { n: "boolean" } }))
    expect(error.message).toContain('its "n" is "1", which is no boolean')
  })

  test("columns without values have the types of the other shards, in any order", async () => {
    const shards = { a: "x,y\n", b: "x,y\n,1\n", c: "x,y\n2,\n3,\n", d: "x,y\n" }
    const rows = [
      { x: null, y: 1 },
      { x: 2, y: null },
      { x: 3, y: null }
    ]
    expect(await Effect.runPromise(read(shards, Format.csv()))).toEqual(rows)
    const { a, b, c, d } = shards
    expect(await Effect.runPromise(read({ c, a, d, b }, Format.csv()))).toEqual([rows[1], rows[2], rows[0]] as never) // reordered
    expect(await Effect.runPromise(read({ a, e: "x,y\n,\n" }, Format.csv()))).toEqual([{ x: "", y: "" }])
    const other = await Effect.runPromise(Effect.flip(read({ ...shards, e: "x,y\nz,\n" }, Format.csv())))
    expect(other.message).toContain('its rows have "x" string where those of a have "x" number')
    expect(await Effect.runPromise(Effect.flip(read({ ...shards, e: "x\n" }, Format.csv())))).toMatchObject({
      shard: "e"
    })
  })

  test("shards of other columns or types are refused", async () => {
    const both = (b: string) => Effect.runPromise(Effect.flip(read({ a: "x,y\n1,2\n", b }, Format.csv())))
    expect(await both("x,z\n1,2\n")).toMatchObject({ _tag: "ShardError", shard: "b" })
    expect((await both("x,y\n1,b\n")).message).toContain('"y" string')
  })
})

describe("bad files", () => {
  test.each([
    ["more cells than columns", "a,b\n1,2\n1,2,3\n", { row: 1, byte: 8 }, "it has 3 cells, where there are 2 columns"],
    [
      "fewer cells than columns",
      "a,b\n1\n",
      { row: 0, byte: 4 },
      'it has 1 cell, where there are 2 columns; is "," what is between its cells'
    ],
    ["a quote that is not closed", 'a,b\n1,2\n3,"4\n5,6\n', { row: 1, byte: 8 }, "is not closed"],
    ["characters behind a quoted cell", 'a\n"1"2\n', { row: 0, byte: 2 }, "characters follow a quoted cell"],
    ["no header", "", {}, "it has no header"],
    ["what Excel reads", "sep=,\nid,name\n1,a\n", {}, "its first line, sep=,, is for Excel; remove it"],
    ["lines that \\r ends", "a,b\r1,2\r3,4\r", { row: 0 }, "carriage return"],
    ["lines that \\r ends, quoted", '"a","b"\r"1","2"\r', { row: 0 }, "carriage return"],
    ["a column twice", "a,b,a\n1,2,3\n", {}, 'the column "a" twice'],
    ["not UTF-8", Uint8Array.of(97, 10, 0xff, 10), { row: 0, byte: 2 }, "not valid UTF-8"]
  ] as ReadonlyArray<readonly [string, string | Uint8Array, object, string]>)("%s", async (_, bytes, place, reason) => {
    const error = await failure(bytes)
    expect(error).toMatchObject({ _tag: "ShardError", shard: "a", ...place })
    expect(error.message).toContain(reason)
  })

  test("bytes are counted, not characters", async () => {
    expect(await failure('a\n"é"\né\n1,2\n')).toMatchObject({ row: 2, byte: 10 })
    expect(await failure('a\né\n"é')).toMatchObject({ row: 1, byte: 5 })
  })

  test("a header alone is a shard of no rows; empty lines, a mark and \\r\\n are fine", async () => {
    expect(await rowsOf("a,b\n", Format.csv())).toEqual([])
    expect(await rowsOf("\ufeffa,b\r\n\r\n1,2\r\n\r\n", Format.csv())).toEqual([{ a: 1, b: 2 }])
  })

  test("a carriage return that no newline follows is text, at the end of the file, too", async () => {
    expect(await rowsOf("p\n\r", Format.csv())).toEqual([{ p: "\r" }])
    expect(await rowsOf("p\na\rb\nc\r", Format.csv())).toEqual([{ p: "a\rb" }, { p: "c\r" }])
  })

  test("a quote within a cell that none encloses is text", async () => {
    expect(await rowsOf('p,q\na"b,5""\n', Format.csv())).toEqual([{ p: 'a"b', q: '5""' }])
  })

  test("carriage returns in quotes are text; lines that they end are refused with a header from elsewhere, too", async () => {
    expect(await rowsOf('"a\rb"\r\n"x\r"\r\n', Format.csv())).toEqual([{ "a\rb": "x\r" }])
    expect((await failure("1\r2\r", Format.csv({ header: ["n"] }))).message).toContain("carriage return")
  })

  test("a column named __proto__ is a field like any other", async () => {
    const [row] = await rowsOf("__proto__\n1\n", Format.csv())
    expect(Object.entries(row ?? {})).toEqual([["__proto__", 1]])
  })

  test("a type of a column that is not there", async () => {
    const error = await failure("a\n1\n", Format.csv({ types: { b: "number" } }))
    expect(error.message).toContain('it has no column "b"')
  })
})

test("any bytes are rows or a typed error", async () => {
  const byte = fc.constantFrom(34, 44, 10, 13, 97, 49, 0xff, 0xef)
  await fc.assert(
    fc.asyncProperty(fc.array(byte, { maxLength: 40 }), fc.integer({ min: 1, max: 9 }), async (bytes, blockBytes) => {
      const either = await Effect.runPromise(
        Effect.either(read({ a: Uint8Array.from(bytes) }, Format.csv({ blockBytes })))
      )
      if (either._tag === "Left") expect(either.left._tag).toBe("ShardError")
    }),
    { numRuns: 300 }
  )
})

test("options that are invalid", () => {
  for (const options of [
    { delimiter: "ab" },
    { delimiter: '"' },
    { delimiter: "é" },
    { header: [] },
    { types: { a: "int" } },
    { sample: -1 }
  ]) {
    expect(() => Format.csv(options as never)).toThrow(InvalidOption) // from code without types
  }
})
