/**
 * Batches for other processes: a service that builds them, and a loader that takes them from one.
 *
 * @since 0.1.0
 */

/** Serves runs of pipelines over HTTP, and connects to such a service. @category modules @since 0.1.0 */
export * as Service from "./service/Service.ts"
