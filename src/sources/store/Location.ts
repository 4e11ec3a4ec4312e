/**
 * Locations: paths, and addresses with a scheme.
 *
 * @since 0.1.0
 */
import { ADDRESS, type Listed } from "./StoreService.ts"

/** A drive of Windows (`C:`) has one letter. */
const SCHEME = /^([a-z][a-z0-9+.-]+):/i

/** The scheme of a location, in lower case; `file` for a path. @since 0.1.0 */
export const schemeOf = (location: string): string => SCHEME.exec(location)?.[1]?.toLowerCase() ?? "file"

/** Parameters of signed addresses of S3, Google, Azure, CloudFront and of what imitates them. */
const SECRET =
  /^(?:x-(?:amz|goog)-.*|awsaccesskeyid|googleaccessid|signature|expires|policy|key-pair-id|s[eiprtv]|sig|sktid|skoid|.*(?:token|secret|password|credential|api-?key).*)$/i

/**
 * An address without its user, password, fragment and signature: what an object is called in errors, lineage and
 * fingerprints. An address that is signed again keeps its name.
 *
 * @since 0.1.0
 */
export const shown = (address: string): string => {
  if (!address.includes("://")) return address
  const scheme = schemeOf(address)
  // In keys of S3 and in paths of the Hub `?` and `#` stand for themselves.
  if (scheme === "s3" || scheme === "hf") return withoutUser(address)
  const [whole = "", query] = splitOnce(address.replace(/#.*$/s, ""), "?")
  const place = withoutUser(whole)
  if (query === undefined) return place
  const left = query.split("&").filter((own) => !SECRET.test(decoded(own.split("=")[0] ?? "")))
  return left.length === 0 ? place : `${place}?${left.join("&")}`
}

/** Only up to the first `/`: a revision of the Hub, which follows an `@`, is in the path. */
const withoutUser = (address: string): string => address.replace(/^([^/]*:\/\/)[^/]*@/, "$1")

/**
 * What a message shows of a text that should be an address and is not: nothing, if it may hold a password or a token. Without
 * its parts one cannot tell where they are.
 *
 * @since 0.1.0
 */
export const shownInvalid = (text: string): string => (/[@?#%\s]|:(?!\/\/|\d*(?:\/|$))/.test(text) ? "…" : text)

/**
 * Whether a location has a user and a password, or seems meant to have: `//user:secret@host/a`, `https://user:a/b@host/c`. A port
 * is no password, and an `@` further on may be a revision.
 *
 * @since 0.1.0
 */
export const hasPassword = (location: string): boolean => {
  const rest = location.replace(/^(?:(?:https?|s3|hf)(?::\/*|\/\/+)|file:\/\/|\/\/)/i, "")
  return rest !== location && /^[^/]*:(?!\d{1,5}(?:[/?#]|$)).*(?:@|%40)/s.test(rest)
}

const splitOnce = (text: string, by: string): readonly [string, string | undefined] => {
  const at = text.indexOf(by)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + by.length)]
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** An object by its address. @since 0.1.0 */
export const located = (address: string): Listed => {
  const location = shown(address)
  return location === address ? { location } : { location, [ADDRESS]: address }
}

/** The whole address of an object. @since 0.1.0 */
export const addressOf = (object: Listed): string => object[ADDRESS] ?? object.location
