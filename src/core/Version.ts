/**
 * The version of this package, which processes tell each other. A test compares it with package.json.
 *
 * @since 0.1.0
 */
export const version = "0.1.0"
