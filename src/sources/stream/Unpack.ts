/**
 * Unpacks bytes as they arrive. What unpacks them is loaded when it is used.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Compression } from "../formats/lines/Compression.ts"
import type { Pull } from "./Gunzip.ts"

/** Unpacks what `pull` gives. Fails with what the decompressor says of bytes that are corrupt or cut short. @since 0.1.0 */
export const unpack = <R>(compression: Compression, pull: Pull<R>): Effect.Effect<Pull<R>, Error, Scope.Scope> =>
  compression === "gzip"
    ? Effect.flatMap(
        Effect.promise(() => import("./Gunzip.ts")),
        ({ gunzipped }) => gunzipped(pull)
      )
    : Effect.flatMap(
        Effect.promise(() => import("./Unzstd.ts")),
        ({ unzstd }) => unzstd(pull)
      )
