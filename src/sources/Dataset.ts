/**
 * Random access datasets: sources and views.
 *
 * A view (`map`, `slice`, `split` …) takes no memory to speak of and reads nothing when it is made; samples are read when
 * they are asked for. A view of all samples (`map`) has the size of its dataset, read each time; one that chooses or
 * joins samples (`slice`, `concat`) settles its size when it is made. Views take their dataset first
 * (`Dataset.slice(dataset, 0, 10)`) or, in a pipe, last (`dataset.pipe(Dataset.slice(0, 10))`).
 *
 * @since 0.1.0
 */
export type { Columnar, Field } from "./Columnar.ts"
export { fromArray } from "./FromArray.ts"
export { type Column, fromColumns, type Row } from "./FromColumns.ts"
export { type EffectOptions, effect } from "./FromEffect.ts"
export { type MakeOptions, make } from "./Make.ts"
export { type Content, type Dataset, DatasetError, IndexError, type NameOptions } from "./RandomAccess.ts"
export { range } from "./Range.ts"
export type { SourceOptions } from "./SourceOptions.ts"
export type { CacheStats } from "./shards/BlockCache.ts"
export { type OpenOptions, open, type ScanProgress } from "./shards/Open.ts"
export type { RowSchema, StandardIssue, StandardSchema } from "./shards/RowSchema.ts"
export type { ReadError, Sharded, ShardedDataset } from "./shards/ShardedDataset.ts"
export type { IndexedShard } from "./shards/Snapshot.ts"
export { type FromBytesOptions, type FromStreamOptions, fromStream, type SourceRanks } from "./stream/FromStream.ts"
export type { Items, Seek } from "./stream/Items.ts"
export { type OpenStreamOptions, openStream } from "./stream/OpenStream.ts"
export { StreamError } from "./stream/StreamError.ts"
export type { SourceRank, StreamSource } from "./stream/StreamSource.ts"
export { concat } from "./views/Concat.ts"
export { filter } from "./views/Filter.ts"
export { type MapOptions, map } from "./views/Map.ts"
export { type MapEffectOptions, mapEffect } from "./views/MapEffect.ts"
export { slice } from "./views/Slice.ts"
export { type SplitOptions, split } from "./views/Split.ts"
export { subset } from "./views/Subset.ts"
export { withContent } from "./views/WithContent.ts"
