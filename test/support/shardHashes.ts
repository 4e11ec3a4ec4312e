/**
 * What formats read of a folder of files, as one hash a file. It is also run as JavaScript by apps on every runtime, so it imports
 * types alone.
 */
import type * as Effect from "effect/Effect"
import type * as Furrow from "../../src/index.ts"

type Given = Pick<typeof Furrow, "Dataset" | "Format">

/** Whether a value is a tensor, whoever's class it is of. */
const isTensor = (value: object): value is Furrow.Tensor.Tensor => "shape" in value && "data" in value

/** A value as JSON that tells all kinds of values apart. */
export const canonical = (value: unknown): unknown => {
  if (typeof value === "bigint") return { bigint: String(value) }
  if (typeof value === "number")
    return Number.isFinite(value) && !Object.is(value, -0) ? value : { number: `${1 / value} ${value}` }
  if (typeof value !== "object" || value === null) return value
  if (value instanceof Date) return { date: value.toISOString() }
  if (isTensor(value)) return { shape: value.shape, data: canonical(value.data) }
  if (ArrayBuffer.isView(value)) {
    const items = Array.from(value as unknown as Iterable<number | bigint>, canonical) // a typed array
    return { [Object.prototype.toString.call(value)]: items }
  }
  if (Array.isArray(value)) return value.map(canonical)
  return Object.entries(value).map(([key, own]) => [key, canonical(own)])
}

/** By file name: how many rows it has and their hash, or the message of what it is refused for. */
export const shardHashes = async (
  { Dataset, Format }: Given,
  { either, flatMap, runPromise }: Pick<typeof Effect, "either" | "flatMap" | "runPromise">,
  folder: string,
  names: ReadonlyArray<string>,
  hash: (text: string) => string
): Promise<Record<string, string>> => {
  const formats: Record<string, () => Furrow.Format.Format<unknown>> = {
    parquet: Format.parquet,
    arrow: Format.arrow,
    arrows: Format.arrow,
    jsonl: Format.jsonl,
    csv: Format.csv,
    tsv: Format.tsv,
    tar: Format.tar,
    npy: Format.npy,
    npz: Format.npz,
    safetensors: Format.safetensors
  }
  const found: Record<string, string> = {}
  for (const name of names) {
    const extension = name.replace(/\.(gz|zst)$/, "").replace(/^.*\./, "")
    const format = formats[extension]
    if (format === undefined) throw new Error(`no format for ${name}`)
    const all = flatMap(Dataset.open(`${folder}/${name}`, { format: format(), index: false }), (dataset) =>
      dataset.getMany(Array.from({ length: dataset.size }, (_, row) => row))
    )
    const rows = await runPromise(either(all))
    found[name] =
      rows._tag === "Left"
        ? String(rows.left)
        : `${rows.right.length} rows ${hash(JSON.stringify(rows.right.map(canonical)))}`
  }
  return found
}
