import { describe, expect, test } from "bun:test"
import * as Platform from "@effect/platform"
import { Context } from "effect"
import { FileSystem, KeyValueStore } from "../../src/core/PlatformServices.ts"

describe("services of the platform", () => {
  test("go by the keys that the platform itself gives them", () => {
    expect(FileSystem.key).toBe(Platform.FileSystem.FileSystem.key)
    expect(KeyValueStore.key).toBe(Platform.KeyValueStore.KeyValueStore.key)
  })

  test("are found where the platform's own tags provide them", () => {
    const files = Platform.FileSystem.makeNoop({})
    expect(Context.get(Context.make(Platform.FileSystem.FileSystem, files), FileSystem)).toBe(files)
  })
})
