/**
 * A random order of 0 … `size − 1` that can be asked at any place, without the order being held anywhere: a block
 * cipher over exactly that range, keyed by an rng.
 *
 * Up to 65,536 items the order is a table shuffled by Fisher and Yates, so that every order has the same odds
 * (as far as the rng's 128-bit seed reaches: 34! is about 2^128). That takes 4 bytes an item, 256 KiB at most, twice
 * that once `positionOf` was asked, and a millisecond or two.
 * (Below that size the network's own orders would not have equal odds: of 5 items, unevenly so with any number of
 * rounds from 4 to 12.)
 *
 * Beyond, it is a Feistel network: 80 bytes of keys, whatever the size, and about 50 to 130 ns an item.
 *
 * @since 0.1.0
 */
import type { Rng } from "./generators/Generator.ts"
import type { Permutation } from "./permutation/Bijection.ts"
import { network } from "./permutation/Feistel.ts"
import { table } from "./permutation/Table.ts"

export type { Permutation } from "./permutation/Bijection.ts"

/** Up to this size the order is a table. */
const TABLE = 65536

/**
 * The permutation of 0 … `size − 1` that `rng` draws. Throws `InvalidOption` unless `size` is a whole number from 0 to
 * 2^53 − 1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (size: number, rng: Rng): Permutation => (size <= TABLE ? table(size, rng) : network(size, rng))
