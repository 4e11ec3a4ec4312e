/**
 * Names that come more than once.
 *
 * @since 0.1.0
 */

/** Returns the first text that comes a second time. @since 0.1.0 */
export const firstTwice = (texts: ReadonlyArray<string>): string | undefined => {
  const seen = new Set<string>()
  return texts.find((text) => seen.size === seen.add(text).size)
}
