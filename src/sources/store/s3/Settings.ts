/**
 * How a store of S3 is set: by options, else by the variables that AWS's own tools read.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { whole } from "../../../core/Check.ts"
import { checked, InvalidOption } from "../../../core/InvalidOption.ts"
import { optionsOf, textOf } from "../../../core/Options.ts"
import { type ReadingOptions, readingNames, readingOf } from "../Guard.ts"
import type { HttpReads } from "../Http.ts"
import type { Send } from "../http/Requests.ts"
import { lazyDriver } from "../LazyDriver.ts"
import { shownInvalid } from "../Location.ts"
import type { Driver } from "../StoreService.ts"
import type { Endpoint } from "./Address.ts"
import { anonymous, type Credentials, configured, identityOf, provided, type S3Credentials } from "./Credentials.ts"

/** @category options @since 0.1.0 */
export interface S3Options extends ReadingOptions {
  /**
   * The address of a server that speaks S3's protocol. Default: the variable `AWS_ENDPOINT_URL_S3` or `AWS_ENDPOINT_URL`,
   * else Amazon's of the region.
   */
  readonly endpoint?: string
  /** Default: the variable `AWS_REGION` or `AWS_DEFAULT_REGION`, else `us-east-1`. */
  readonly region?: string
  /**
   * Whether the bucket is part of the host's name or of the path. Default: `"host"` at Amazon, `"path"` where `endpoint` is
   * set. A bucket whose name cannot be part of a host's is in the path.
   */
  readonly style?: "host" | "path"
  /**
   * Credentials, or an effect that gets them, which runs again when they expire; `"anonymous"` for what is public. Default:
   * `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, by Effect's `Config`.
   */
  readonly credentials?: S3Credentials | Effect.Effect<S3Credentials, unknown> | "anonymous"
  /** Objects that are longer are written in parts of so many bytes, of which five are in memory. Default 2^23, at least 5 MiB. */
  readonly partBytes?: number
}

/** S3 takes no smaller parts. */
const LEAST_PART = 5 * 2 ** 20

const SET = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give credentials to Store.s3"

const variable = (...names: readonly [string, string]): Effect.Effect<string | undefined> =>
  Effect.orElseSucceed(
    Effect.map(
      Config.option(Config.orElse(Config.nonEmptyString(names[0]), () => Config.nonEmptyString(names[1]))),
      Option.getOrUndefined
    ),
    () => undefined
  )

const endpointOf = (given: string | undefined, region: string, style: "host" | "path" | undefined): Endpoint => {
  if (given === undefined) {
    const end = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
    return { url: `https://s3.${region}.${end}`, style: style ?? "host" }
  }
  const url = URL.canParse(given) ? new URL(given) : undefined
  const isSound =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    `${url.username}${url.password}${url.search}${url.hash}` === "" &&
    // Behind a / that is not escaped stands what is left of a password.
    !url.pathname.includes("@")
  if (!isSound) {
    const value = shownInvalid(given)
    const expected = "the address of a server, such as https://host:9000, without a user, a query and a fragment"
    throw new InvalidOption({ option: "endpoint (AWS_ENDPOINT_URL)", value, expected })
  }
  return { url: url.href.replace(/\/+$/, ""), style: style ?? "path" }
}

const regionOf = (region: string): string => {
  if (/^[\w-]{1,64}$/.test(region)) return region
  throw new InvalidOption({
    option: "region (AWS_REGION)",
    value: region,
    expected: 'a region, such as "eu-central-1"'
  })
}

const styleOf = (style: unknown): "host" | "path" | undefined => {
  if (style === undefined || style === "host" || style === "path") return style
  throw new InvalidOption({ option: "style", value: style, expected: '"host" or "path"' })
}

const credentialsOf = (given: S3Options["credentials"]): Effect.Effect<Credentials, InvalidOption> => {
  if (given === "anonymous") return Effect.succeed(anonymous)
  if (given === undefined) {
    // Asked for later, too, it is the configuration of now that counts.
    return Effect.configProviderWith((own) => provided(Effect.withConfigProvider(configured, own), SET))
  }
  if (Effect.isEffect(given)) return provided(given, "the effect that gets them failed")
  if (identityOf(given) !== undefined) return provided(Effect.succeed(given), "")
  const expected = 'an object with accessKeyId and secretAccessKey, an Effect that gives one, or "anonymous"'
  return Effect.fail(new InvalidOption({ option: "credentials", value: "…", expected }))
}

/** The driver that options and variables set. Its code is loaded with the first location in S3. @since 0.1.0 */
export const s3 = (
  send: Send,
  options: S3Options,
  wholeBytes: number
): Effect.Effect<Driver & Pick<HttpReads, "close">, InvalidOption> =>
  Effect.gen(function* () {
    const own = yield* checked(() => {
      const { credentials, endpoint, partBytes, region, style, ...rest } = optionsOf("Store.s3", options, {
        ...readingNames,
        credentials: true,
        endpoint: true,
        partBytes: true,
        region: true,
        style: true
      })
      return {
        credentials,
        endpoint: endpoint === undefined ? undefined : textOf("endpoint", endpoint),
        partBytes: whole("partBytes", partBytes ?? 2 ** 23, LEAST_PART),
        reading: readingOf(rest),
        region: region === undefined ? undefined : textOf("region", region),
        style: styleOf(style)
      }
    })
    const set = own.region ?? (yield* variable("AWS_REGION", "AWS_DEFAULT_REGION")) ?? "us-east-1"
    const given = own.endpoint ?? (yield* variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
    const region = yield* checked(() => regionOf(set))
    const endpoint = yield* checked(() => endpointOf(given, region, own.style))
    const credentials = yield* credentialsOf(own.credentials)
    const { partBytes, reading } = own
    return lazyDriver(
      Effect.map(
        Effect.promise(() => import("./S3.ts")),
        ({ s3Driver }) => s3Driver({ send, reading, endpoint, region, credentials, wholeBytes, partBytes })
      )
    )
  })
