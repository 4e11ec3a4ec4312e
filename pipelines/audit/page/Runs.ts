/**
 * What runs are called.
 */

/** What a policy that was given no name for its seed says; it tells no run from another. */
const UNNAMED = new Set(["its own", "none"])

/** By their seeds where these tell them apart, otherwise by their numbers. */
export const runsOf = (seeds: ReadonlyArray<string>): ReadonlyArray<string> => {
  const told = new Set(seeds).size === seeds.length && !seeds.some((seed) => UNNAMED.has(seed))
  return told ? seeds : seeds.map((_, index) => String(index + 1))
}
