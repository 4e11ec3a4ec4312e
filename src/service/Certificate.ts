/**
 * The certificate of a service or a runner, and its key.
 *
 * @since 0.1.0
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto"
import * as Redacted from "effect/Redacted"
import { InvalidOption } from "../core/InvalidOption.ts"
import { type Names, optionsOf, textOf } from "../core/Options.ts"

/** As an option gives them: PEM. @since 0.1.0 */
export interface Certificate {
  readonly cert: string
  readonly key: Redacted.Redacted
}

const EXPECTED_KEY = "Redacted.make of the PEM of a private key without a passphrase"

/** Throws `InvalidOption` for what is no PEM of a certificate and its key; no message shows the key. @since 0.1.0 */
export const certificateOf = (
  tls: Certificate | undefined
): { readonly cert: string; readonly key: string } | undefined => {
  if (tls === undefined) return undefined
  const given: unknown = tls
  if (typeof given !== "object" || given === null) {
    throw new InvalidOption({ option: "tls", value: given, expected: "{ cert, key }, as PEM" })
  }
  const { cert, key } = tls
  const own = certificate(cert)
  const text: unknown = Redacted.isRedacted(key) ? Redacted.value(key) : undefined
  if (typeof text !== "string") {
    throw new InvalidOption({ option: "tls.key", value: `a ${typeof key}`, expected: EXPECTED_KEY })
  }
  if (own.checkPrivateKey(privateKey(text))) return { cert, key: text }
  throw new InvalidOption({ option: "tls.key", value: "one of another certificate", expected: "the key of `tls.cert`" })
}

/** Whom a client trusts besides the system's authorities, as PEM, and the name that the other side's certificate is for. @since 0.1.0 */
export interface Trust {
  readonly ca?: string
  readonly servername?: string
}

const TRUST: Names<Trust> = { ca: true, servername: true }

/** Returns the `tls` of the options of `of`. Throws `InvalidOption` for what is no PEM of a certificate, or no name. @since 0.1.0 */
export const trustOf = (of: string, tls: Trust | undefined): Trust | undefined => {
  if (tls === undefined) return undefined
  const { ca, servername } = optionsOf(`tls of ${of}`, tls, TRUST)
  if (ca !== undefined) certificate(ca, "tls.ca")
  if (servername !== undefined) textOf("tls.servername", servername, "the name of a host")
  return tls
}

const certificate = (pem: unknown, option = "tls.cert"): X509Certificate => {
  try {
    if (typeof pem === "string") return new X509Certificate(pem)
  } catch {
    // As what is no text.
  }
  throw new InvalidOption({ option, value: "something else", expected: "the PEM of a certificate" })
}

const privateKey = (text: string): KeyObject => {
  try {
    return createPrivateKey(text)
  } catch {
    throw new InvalidOption({ option: "tls.key", value: "something else", expected: EXPECTED_KEY })
  }
}
