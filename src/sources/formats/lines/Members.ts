/**
 * The members of a compressed shard of lines: read one by one to find its rows, or those of a block at once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { StoreError } from "../../store/Store.ts"
import { type Block, type Shard, ShardError, type ShardIndex } from "../Format.ts"
import { type Compression, loading, type Member, memberOf } from "./Compression.ts"
import { error, type LineKind } from "./LineKind.ts"

/** How many bytes are read at once. @since 0.1.0 */
export const WINDOW = 2 ** 22

/** A member, and where it is. @since 0.1.0 */
export interface Placed {
  readonly offset: number
  readonly length: number
  readonly data: Uint8Array
}

/** Loads what unpacks members; `undefined` if it is there already. @since 0.1.0 */
export const loaded = (
  kind: LineKind,
  shard: Shard,
  compression: Compression | undefined
): Effect.Effect<unknown, ShardError> | undefined => {
  const load = loading(compression)
  return load === undefined
    ? undefined
    : Effect.mapError(load, ({ message, place }) => error(kind, shard, 0, message, undefined, place.cause))
}

/** Reads the member at an offset, which is not before that of the last call. @since 0.1.0 */
export type ReadMember = (offset: number) => Effect.Effect<Member, ShardError | StoreError>

/** Reads the members of a shard in order: what is read beyond a member is kept for the next one. @since 0.1.0 */
export const membersOf = (kind: LineKind, shard: Shard, compression: Compression): ReadMember => {
  const { size } = shard.info
  let held: Uint8Array = new Uint8Array(0)
  let from = 0
  return (offset) =>
    Effect.gen(function* () {
      yield* loaded(kind, shard, compression) ?? Effect.void
      held = held.subarray(offset - from)
      from = offset
      for (;;) {
        const end = from + held.length
        const member = held.length === 0 ? "cut" : memberOf(compression, held, kind.memberBytes)
        if (typeof member === "object" && "data" in member) return member
        if (member === "cut" && end < size) {
          const more = yield* shard.read(end, Math.min(size - end, Math.max(WINDOW, held.length)))
          held = held.length === 0 ? more : followed(held, more)
          continue
        }
        if (member === "cut") {
          return yield* error(kind, shard, offset, `its last ${compression} member is cut short; fetch the shard again`)
        }
        if (member === "large") {
          const reason = tooLarge(kind, compression)
          const { location } = shard.info
          return yield* new ShardError({
            shard: location,
            format: kind.name,
            byte: offset,
            reason,
            limit: "memberBytes"
          })
        }
        return yield* error(kind, shard, offset, `${member.corrupt}; fetch the shard again`, undefined, member.cause)
      }
    })
}

/** Why a sound member is refused, and what reads it or makes smaller ones of it. */
const tooLarge = ({ memberBytes }: LineKind, compression: Compression): string => {
  const member = compression === "gzip" ? "gzip member" : "zstd frame"
  const ways = [
    "raise that",
    "read it in order by Dataset.openStream",
    ...(compression === "gzip" ? ["compress it by bgzip"] : []),
    "write it again as shards that can be sought (pipelines/prepare.ts of the repository)",
    `unpack it (${compression} -dc)`
  ]
  return `a ${member} holds more than memberBytes, ${memberBytes}, and is unpacked as a whole: ${ways.slice(0, -1).join(", ")}, or ${ways.at(-1)}`
}

const followed = (bytes: Uint8Array, more: Uint8Array): Uint8Array => {
  const all = new Uint8Array(bytes.length + more.length)
  all.set(bytes)
  all.set(more, bytes.length)
  return all
}

/** @since 0.1.0 */
export const joined = (parts: ReadonlyArray<Placed>): Uint8Array => {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first.data
  const bytes = new Uint8Array(parts.reduce((sum, { data }) => sum + data.length, 0))
  let at = 0
  for (const { data } of parts) {
    bytes.set(data, at)
    at += data.length
  }
  return bytes
}

/** @since 0.1.0 */
export const compressionIn = ({ header }: ShardIndex): Compression | undefined => {
  if (typeof header !== "object" || header === null || !("compression" in header)) return undefined
  const { compression } = header
  return compression === "gzip" || compression === "zstd" ? compression : undefined
}

/** The part of what the members of a block hold that its rows lie in. @since 0.1.0 */
export const unpacked = (
  kind: LineKind,
  shard: Shard,
  compression: Compression,
  packed: Uint8Array,
  { extra = [], offset }: Block
): Uint8Array => {
  const [from = 0, to = 0, total = 0] = extra
  const parts: Array<Placed> = []
  let at = 0
  let found = 0
  while (at < packed.length) {
    const member = memberOf(compression, packed.subarray(at), total - found)
    if (!(typeof member === "object" && "data" in member)) {
      const cause = typeof member === "object" ? member.cause : undefined
      throw error(
        kind,
        shard,
        offset + at,
        `a ${compression} member is not as it was when it was indexed`,
        undefined,
        cause
      )
    }
    parts.push({ offset: offset + at, ...member })
    at += member.length
    found += member.data.length
  }
  if (found !== total) throw error(kind, shard, offset, "its members hold less than when they were indexed")
  return joined(parts).subarray(from, to)
}
