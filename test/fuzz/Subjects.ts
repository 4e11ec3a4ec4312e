/**
 * The files that are damaged: all kinds that there are, small, read by formats whose bounds are low.
 */
import { gzipSync, zstdCompressSync } from "node:zlib"
import type { Format as AnyFormat } from "../../src/sources/formats/Format.ts"
import * as Format from "../../src/sources/formats/Formats.ts"
import { headerOf, npyOf } from "../support/npy.ts"
import { reference } from "../support/shard.ts"
import { pax, tarOf } from "../support/tar.ts"
import { zipOf } from "../support/zip.ts"

export interface Subject {
  readonly name: string
  readonly format: AnyFormat<unknown>
  readonly bytes: Uint8Array
  /** Whether all that it holds is under a checksum: bits that are turned are then seen, or change nothing. */
  readonly isChecked: boolean
}

/** No shard may take more, nor hold more once it is decoded. */
const MOST = 2 ** 24

const lines = { blockBytes: 4096, rowBytes: 2 ** 16, memberBytes: MOST }
const table = { blockBytes: MOST }

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
const deflated = members.map((own) => ({ ...own, deflated: true, wide: true }))

const rows = Array.from({ length: 200 }, (_, row) => `{"row":${row},"text":"${"é".repeat(row % 9)}"}\n`)
/** Several members, in each some rows. */
const packed = (pack: (text: string) => Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.concat([0, 50, 100, 150].map((from) => pack(rows.slice(from, from + 50).join("")))))

const of = (name: string, format: AnyFormat<unknown>, bytes: Uint8Array, isChecked = false): Subject => ({
  name,
  format,
  bytes,
  isChecked
})

const tables = [
  ...["none", "snappy", "gzip", "brotli", "lz4", "zstd"].map((codec) => `all-${codec}.parquet`),
  ...["v2-delta.parquet", "all.arrow", "all.arrows", "all-lz4.arrow", "all-zstd.arrow"]
].map((name) => {
  const format = name.endsWith(".parquet") ? Format.parquet(table) : Format.arrow(table)
  return of(name, format, reference(name))
})

const arrays = ["a.npy", "b-fortran.npy", "c-bigendian.npy", "d-bool.npy", "e-f16.npy"].map((name) =>
  of(name, Format.npy({ blockBytes: 64 }), reference(name))
)

export const subjects: ReadonlyArray<Subject> = [
  ...tables,
  of(
    "some columns of all-zstd.parquet",
    Format.parquet({ ...table, columns: ["id", "kind", "nested"] }),
    reference("all-zstd.parquet")
  ),
  of(
    "some columns of all.arrow",
    Format.arrow({ ...table, columns: ["id", "kind", "nested"] }),
    reference("all.arrow")
  ),
  of("jsonl", Format.jsonl(lines), reference("rows-crlf-nofinal.jsonl")),
  of("jsonl.gz", Format.jsonl(lines), packed(gzipSync), true),
  of("jsonl.zst", Format.jsonl(lines), packed(zstdCompressSync)),
  of("csv", Format.csv(lines), reference("rows.csv")),
  of("csv.gz", Format.csv(lines), new Uint8Array(gzipSync(reference("rows.csv"))), true),
  of("tsv", Format.tsv(lines), reference("rows.tsv")),
  of(
    "paragraphs",
    Format.text({ ...lines, rows: "paragraphs" }),
    new TextEncoder().encode("é\n\nb\r\nc\n \n".repeat(99))
  ),
  of("windows", Format.text({ ...lines, rows: "windows", windowBytes: 100 }), packed(zstdCompressSync)),
  of("tar", Format.tar({ blockBytes: 2048, maxBlockBytes: MOST }), archive),
  of("tar.gz", Format.tar({ maxBlockBytes: MOST }), new Uint8Array(gzipSync(archive)), true),
  ...arrays,
  of("npz", Format.npz({ maxBlockBytes: MOST }), zipOf(members), true),
  of("deflated npz", Format.npz({ maxBlockBytes: MOST }), zipOf(deflated, { wide: true }), true),
  of("npz by rows", Format.npz({ blockBytes: 64 }), zipOf(members)),
  of("safetensors", Format.safetensors({ columns: ["w"] }), reference("model.safetensors"))
]
