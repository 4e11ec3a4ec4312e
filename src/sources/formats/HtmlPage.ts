/**
 * A page of HTML in the place of a shard: what a server answers to those who are to log in, or have the wrong address.
 *
 * @since 0.1.0
 */

const PAGE = /^\s*<(?:!doctype\s+)?html\b/i

/** Whether a line begins a page. @since 0.1.0 */
export const isPage = (line: string): boolean => PAGE.test(line)

/** @since 0.1.0 */
export const pageReason = "it is a page of HTML, such as one that asks for a login; look at its address"
