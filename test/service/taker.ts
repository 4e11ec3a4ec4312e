/** A program of its own that takes a run over HTTPS and prints its digest, or the tag of the error. */
import process from "node:process"
import { Effect, Schedule } from "effect"
import { Service } from "../../src/service.ts"

const [url = ""] = process.argv.slice(2)
const digest = Effect.gen(function* () {
  const loader = yield* Service.connect(url, { seed: 42, epochs: 1, digest: true, attempts: Schedule.stop })
  yield* loader.forEach(() => Effect.void)
  return yield* loader.digest
}).pipe(Effect.scoped)
console.log(
  await Effect.runPromise(Effect.merge(Effect.mapError(digest, ({ _tag, message }) => `${_tag}: ${message}`)))
)
process.exit(0)
