#!/usr/bin/env bun
/**
 * Shows what shards hold: rows, blocks, bytes, schema, where their index is, and what their manifest says.
 *
 *     bun run pipelines/inspect.ts data/*.parquet
 *     bun run pipelines/inspect.ts data/reviews/ --blocks --json
 *
 * Without `--json` tables for people; with it one line, an object. Shards of a folder with a manifest are checked against it with
 * `--check`: each is read through.
 *
 * Exit codes: 0 done, 1 failed, 2 wrong usage.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import { main } from "./cli/Main.ts"
import { print, tell } from "./cli/Print.ts"
import { options as data, inputs, opened } from "./data/Inputs.ts"
import { checkedShards, type Inspected, inspected, shown } from "./inspect/Inspected.ts"

const options = {
  ...data,
  blocks: Options.boolean("blocks").pipe(Options.withDescription("Show each block, too")),
  check: Options.boolean("check").pipe(
    Options.withDescription(
      "Read the first row of each shard; those of a manifest are read through and compared with it"
    )
  ),
  json: Options.boolean("json").pipe(Options.withDescription("Print all of it as a line of JSON"))
}

const command = Command.make("inspect", { ...options, inputs }, (flags) =>
  Effect.gen(function* () {
    const { dataset } = yield* opened(flags)
    if (flags.check) {
      let first = 0
      for (const { index } of dataset.sharded.shards) {
        const rows = index.blocks.reduce((sum, block) => sum + block.rows, 0)
        if (rows > 0) yield* dataset.get(first)
        first += rows
      }
      for (const line of checkedShards(dataset.sharded.shards)) tell(`${line}\n`)
    }
    const own: Inspected = inspected(dataset, flags.blocks)
    if (flags.json) return print(JSON.stringify(own))
    for (const line of shown(own)) print(line)
  })
).pipe(Command.withDescription("Shows what shards hold"))

if (import.meta.main) await main("inspect", command)
