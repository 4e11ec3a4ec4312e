/**
 * The service: the store that is in use where nothing else is provided, and its replacement.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { fileDriver } from "./File.ts"
import { nothing, routed } from "./Routes.ts"
import type { StoreService } from "./StoreService.ts"

/**
 * The store that locations are read from. Without a layer it serves local files, HTTP and the Hugging Face Hub. Each
 * layer of this module adds its own scheme, and sends all other locations to the store that it is provided with.
 *
 * @category services
 * @since 0.1.0
 */
export class Store extends Context.Reference<Store>()("furrow/Store", {
  defaultValue: (): StoreService => routed(["file"], fileDriver, nothing)
}) {}
