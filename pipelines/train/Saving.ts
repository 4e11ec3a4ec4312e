/**
 * What a training keeps in its checkpoints beside the cursor, and when it does.
 */
import * as Schema from "@effect/schema/Schema"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { Checkpoint } from "../../src/index.ts"

/** How often a checkpoint is written, at the least. */
export type Every = { readonly batches: number } | { readonly milliseconds: number }

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `100` for batches; `30s`, `5m`, `500ms`, `1h` for a time. */
export const every = (text: string): Either.Either<Every, string> => {
  const [, digits, unit = ""] = /^(\d+)(ms|s|m|h)?$/.exec(text) ?? []
  const count = Number(digits)
  const milliseconds = count * (UNITS[unit] ?? 1)
  if (digits === undefined || count < 1 || !Number.isSafeInteger(milliseconds)) {
    return Either.left("is neither a number of batches, such as 100, nor a time, such as 30s, 5m or 1h")
  }
  return Either.right(unit === "" ? { batches: count } : { milliseconds })
}

/** What a run is that cannot be changed halfway, by the names of its options. */
export type Setup = Readonly<Record<string, string>>

/** What is stored as JSON. */
const Stored = Schema.Struct({
  setup: Schema.Record({ key: Schema.String, value: Schema.String }),
  /** Batches and samples that the model has seen. */
  taken: Schema.Number,
  samples: Schema.Number,
  /** The sum of the losses of the epoch so far. */
  losses: Schema.Number,
  accuracy: Schema.NullOr(Schema.Number),
  /** What each epoch that is over came to. */
  epochs: Schema.Array(Schema.Struct({ loss: Schema.Number, accuracy: Schema.Number }))
})
export type Stored = typeof Stored.Type

/** A run is started with other options than its checkpoint has. */
export class OtherOptions extends Data.TaggedError("OtherOptions")<{
  readonly path: string
  readonly differences: ReadonlyArray<{ readonly option: string; readonly from: string; readonly to: string }>
}> {
  override get message(): string {
    const all = this.differences.map(({ from, option, to }) => `${option} was ${from} and is ${to}`).join(", ")
    return (
      `${this.path} is of a run with other options: ${all}; ` +
      "go on with the same ones, or name another folder to start afresh"
    )
  }
}

/** What a checkpoint holds for a run of this setup. Fails with `OtherOptions` or `CheckpointError`. */
export const stored = (
  { path, state }: Checkpoint.Saved,
  setup: Setup
): Effect.Effect<Stored, OtherOptions | Checkpoint.CheckpointError> =>
  Effect.gen(function* () {
    const found = yield* Effect.mapError(Schema.decodeUnknown(Stored)(state.json), () => foreign(path))
    const options = Array.from(new Set([...Object.keys(found.setup), ...Object.keys(setup)]))
    const differences = options
      .map((option) => ({ option, from: found.setup[option] ?? "not set", to: setup[option] ?? "not set" }))
      .filter(({ from, to }) => from !== to)
    if (differences.length > 0) return yield* new OtherOptions({ path, differences })
    return found
  })

/** A checkpoint that is whole, but not one of this training. */
export const foreign = (path: string): Checkpoint.CheckpointError =>
  new Checkpoint.CheckpointError({
    kind: "content",
    path,
    wrong: "is whole, but not of this training",
    remedy: "name the folder of this one, or another one to start afresh"
  })
