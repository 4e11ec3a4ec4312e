import { expect, test } from "bun:test"
import { Effect, Stream } from "effect"
import { Dataset, Format, Sink, Store } from "../../../../src/index.ts"

test("pages of text that were decompressed are freed once the decoder has a copy", async () => {
  const texts = Array.from({ length: 2000 }, (_, row) => `${row} `.repeat(40))
  const size = texts.reduce((sum, text) => sum + text.length, 0)
  const opening = Sink.write(Stream.fromIterable(texts.map((text) => ({ text }))), Sink.parquet("memory://out")).pipe(
    Effect.zipRight(Dataset.open("memory://out", { format: Format.parquet(), index: false })),
    Effect.provide(Store.memory())
  )
  const dataset = await Effect.runPromise(opening)
  const { transfer } = ArrayBuffer.prototype
  let freed = 0
  ArrayBuffer.prototype.transfer = function (this: ArrayBuffer, length?: number) {
    if (length === 0) freed += this.byteLength
    return transfer.call(this, length)
  }
  try {
    const rows = await Effect.runPromise(dataset.getMany([0, 1999]))
    expect(rows).toEqual([{ text: texts[0] }, { text: texts[1999] }])
  } finally {
    ArrayBuffer.prototype.transfer = transfer
  }
  expect(freed).toBeGreaterThan(size)
})
