/**
 * Bits turned and ends cut, at random, in archives and arrays: what is damaged is a `ShardError`, or cannot be seen by the
 * format. Never anything else: no crash, no other error, no wrong number of rows. `FUZZ=10000` tries more.
 */
import { expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import { Effect } from "effect"
import { environment } from "../../../src/core/runtime.ts"
import type { Format as AnyFormat } from "../../../src/sources/formats/Format.ts"
import * as Format from "../../../src/sources/formats/Formats.ts"
import { headerOf, npyOf } from "../../support/npy.ts"
import { openShard, reference, shardOf } from "../../support/shard.ts"
import { pax, tarOf } from "../../support/tar.ts"
import { zipOf } from "../../support/zip.ts"

const RUNS = Number(environment("FUZZ") ?? 250)

/** A small generator, so that a run can be told by its number. */
const random = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Rows as text; or the error, if it is a `ShardError`. */
const outcome = async (format: AnyFormat<unknown>, bytes: Uint8Array): Promise<string> => {
  const exit = await Effect.runPromise(
    openShard(format, shardOf(bytes)).pipe(
      Effect.flatMap(({ rows }) => Effect.try({ try: rows, catch: (thrown) => thrown })),
      Effect.either
    )
  )
  if (exit._tag === "Right")
    return JSON.stringify(exit.right, (_, value) => (typeof value === "bigint" ? `${value}n` : value))
  const error = exit.left
  if (typeof error === "object" && error !== null && "_tag" in error && error._tag === "ShardError") return "ShardError"
  throw error
}

const array = npyOf(
  headerOf("<i2", [30, 4]),
  Uint8Array.from({ length: 240 }, (_, at) => at)
)

const archive = tarOf(
  pax(["path", `${"deep/".repeat(30)}one.json`]),
  { name: "one.json", body: '{"n": [1, 2, 3], "t": "text"}' },
  { name: `${"deep/".repeat(30)}one.cls`.slice(-90), body: "12" },
  { name: "two.npy", body: array },
  { name: "two.txt", body: "some text" },
  { name: "././@LongLink", type: "L", body: `${"l".repeat(150)}.bin\0` },
  { name: "l".repeat(100), body: new Uint8Array(700).fill(9) }
)

const members = [
  { name: "x.npy", body: array },
  { name: "y.npy", body: npyOf(headerOf("<f8", [30]), new Uint8Array(240)) }
]

/** Files, and whether all of their content is under a checksum: then damage is seen, or changes nothing. */
const files: ReadonlyArray<readonly [name: string, AnyFormat<unknown>, Uint8Array, isChecked: boolean]> = [
  ["tar", Format.tar({ blockBytes: 2048 }), archive, false],
  ["gzipped tar", Format.tar(), gzipSync(archive), true],
  ["npy", Format.npy({ blockBytes: 64 }), array, false],
  ["npz", Format.npz(), zipOf(members), true],
  [
    "deflated npz",
    Format.npz(),
    zipOf(
      members.map((own) => ({ ...own, deflated: true, wide: true })),
      { wide: true }
    ),
    true
  ],
  ["npz by rows", Format.npz({ blockBytes: 64 }), zipOf(members), false],
  ["safetensors", Format.safetensors({ columns: ["w"] }), reference("model.safetensors"), false]
]

test.each(files)(
  "%s",
  async (_, format, bytes, isChecked) => {
    const sound = await outcome(format, bytes)
    expect(sound).not.toBe("ShardError")
    const rows = (JSON.parse(sound) as ReadonlyArray<unknown>).length
    const draw = random(bytes.length)
    let refused = 0
    for (let run = 0; run < RUNS; run++) {
      const damaged = bytes.slice()
      const flips = 1 + Math.floor(draw() * 3)
      for (let flip = 0; flip < flips; flip++) {
        const at = Math.floor(draw() * damaged.length)
        damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(draw() * 8))
      }
      const found = await outcome(format, damaged)
      if (found === "ShardError") refused++
      else if (isChecked) expect(found).toBe(sound)
      // Two bits of a tar's header may make up for one another in its checksum, which is a sum.
      else if (flips === 1) expect((JSON.parse(found) as ReadonlyArray<unknown>).length).toBe(rows)
    }
    expect(refused).toBeGreaterThan(RUNS / 20)
    for (let run = 0; run < RUNS; run++) {
      const found = await outcome(format, bytes.slice(0, Math.floor(draw() * bytes.length)))
      // Of a tar's end one block of zeros is enough.
      if (found !== "ShardError") expect(found).toBe(sound)
    }
  },
  60_000
)

test("every bit of a tar's headers is seen, or means nothing", async () => {
  const format = Format.tar()
  const bytes = tarOf({ name: "a.txt", body: "x" }, { name: "b.txt", body: "y" })
  const sound = await outcome(format, bytes)
  const unseen: Array<number> = []
  for (const header of [0, 1024]) {
    for (let bit = 8 * header; bit < 8 * (header + 512); bit += 1) {
      const damaged = bytes.slice()
      damaged[bit >>> 3] = (damaged[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
      const found = await outcome(format, damaged)
      // The checksum has a leading 0, which may as well be a space.
      if (found === sound) unseen.push(bit)
      else expect([bit, found]).toEqual([bit, "ShardError"])
    }
  }
  const bytesUnseen = unseen.map((bit) => Math.floor(bit / 8) % 1024)
  expect(bytesUnseen.filter((byte) => byte < 148 || byte >= 156)).toEqual([])
})
