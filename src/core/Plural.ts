/**
 * Counts in words.
 *
 * @since 0.1.0
 */

/** A count with its noun: `1 shard`, `2 shards`. @since 0.1.0 */
export const plural = (count: number | bigint, one: string, many = `${one}s`): string =>
  `${count} ${Number(count) === 1 ? one : many}`
