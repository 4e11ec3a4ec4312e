/**
 * The services of `@effect/platform` that this library asks for, by their keys: a tag is what its key says, so these
 * are the platform's own. Its modules bring schemas, and with them a library for tests: hundreds of files, which every
 * start and every thread would load for two keys.
 *
 * @since 0.1.0
 */
import type * as Files from "@effect/platform/FileSystem"
import type * as Entries from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"

/** @since 0.1.0 */
export const FileSystem = Context.GenericTag<Files.FileSystem>("@effect/platform/FileSystem")

/** @since 0.1.0 */
export const KeyValueStore = Context.GenericTag<Entries.KeyValueStore>("@effect/platform/KeyValueStore")
