/**
 * Whether the shards of a stream source have the same fields. They are known once the beginning of a shard has been read.
 *
 * @since 0.1.0
 */
import { differing } from "../formats/Differing.ts"
import { type CutBlock, ShardError } from "../formats/Format.ts"

/** The fields of the rows of a shard. */
type Fields = NonNullable<CutBlock["fields"]>

/** Compares the fields of a shard with those of the shards before: an error if they differ. @since 0.1.0 */
export type AgreeFields = (fields: Fields, shard: string) => ShardError | undefined

const areSame = (one: Fields, other: Fields): boolean =>
  one.length === other.length &&
  one.every(([name, type], at) => {
    const [otherName, otherType] = other[at] ?? []
    return name === otherName && (type === undefined || otherType === undefined || type === otherType)
  })

/** Returns what compares the shards of one source. A type that a shard leaves open fits any. @since 0.1.0 */
export const agreeing = (format: string): AgreeFields => {
  let known: { fields: Fields; readonly shard: string } | undefined
  return (fields, shard) => {
    known ??= { fields, shard }
    if (areSame(known.fields, fields)) {
      // One shard has the type that another one leaves open.
      known.fields = known.fields.map(([name, type], at) => [name, type ?? fields[at]?.[1]])
      return undefined
    }
    const reason = `${differing(fields, known.fields, known.shard)}; read shards of one schema, or declare the types of columns`
    return new ShardError({ shard, format, reason })
  }
}
