/**
 * The modules of `@effect/platform` that requests take. They are hundreds of files, so this one is loaded with the first
 * request and not before.
 *
 * @since 0.1.0
 */
export * as FetchHttpClient from "@effect/platform/FetchHttpClient"
export * as HttpBody from "@effect/platform/HttpBody"
export * as HttpClient from "@effect/platform/HttpClient"
export * as HttpClientRequest from "@effect/platform/HttpClientRequest"
