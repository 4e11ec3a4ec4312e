/**
 * A state of NumPy's as a file, written by
 *
 *     s = np.random.get_state(); json.dump([s[0], s[1].tolist(), s[2], s[3], s[4]], open("state.json", "w"))
 */

import * as FileSystem from "@effect/platform/FileSystem"
import { formatErrorSync } from "@effect/schema/ArrayFormatter"
import * as Schema from "@effect/schema/Schema"
import * as Effect from "effect/Effect"
import { NumPy, type Seed } from "../../src/index.ts"
import { Usage } from "../cli/Main.ts"

const Word = Schema.Number.pipe(Schema.int(), Schema.between(0, 2 ** 32 - 1))

const State = Schema.parseJson(
  Schema.Tuple(
    Schema.Literal("MT19937"),
    Schema.Array(Word).pipe(Schema.itemsCount(624)),
    Schema.Number.pipe(Schema.int(), Schema.between(0, 624)),
    Schema.Literal(0, 1),
    Schema.Number.pipe(Schema.finite())
  )
)

/** The seed that starts where the file's state stands. Fails with one line if the file is not one. */
export const read = (path: string): Effect.Effect<Seed.Seed, Usage, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const refused = (reason: string) =>
      new Usage({ message: `--numpy-state ${JSON.stringify(path)}: ${reason.replaceAll(/\s+/g, " ")}` })
    const text = yield* Effect.mapError(fs.readFileString(path), ({ message }) => refused(message))
    const [, words, position, hasGauss, cachedGaussian] = yield* Effect.mapError(
      Schema.decodeUnknown(State)(text),
      (error) => {
        const [issue] = formatErrorSync(error)
        const where = issue === undefined || issue.path.length === 0 ? "" : `at [${issue.path.join("][")}]: `
        return refused(`${where}${issue?.message ?? error.message}`)
      }
    )
    return NumPy.RandomState.stateSeed({
      words: Uint32Array.from(words),
      position,
      hasGauss: hasGauss === 1,
      cachedGaussian
    })
  })
