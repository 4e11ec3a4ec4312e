import { afterAll, describe, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ConfigProvider, Effect, Layer } from "effect"
import { Store } from "../../../src/index.ts"
import { ranged, serve } from "../../support/server.ts"

const files: Readonly<Record<string, string>> = {
  ".gitattributes": "x",
  "README.md": "about",
  "data/test-00000-of-00001.jsonl": "test",
  "data/train-00000-of-00002.jsonl": "train 0",
  "data/train-00001-of-00002.jsonl": "train 1",
  "more/strain.jsonl": "no split"
}

const folder = mkdtempSync(join(tmpdir(), "furrow-hub-"))
for (const [name, text] of Object.entries(files)) {
  const path = join(folder, "datasets/org/name", name)
  mkdirSync(join(path, ".."), { recursive: true })
  writeFileSync(path, text)
}

/** Answers as the Hub does: pages of a tree, and large files by a redirect to a server with ETags of its own. */
const hub = await serve((request, response) => {
  const url = new URL(request.url ?? "/", "http://hub")
  const [, tree] = /^\/api\/datasets\/org\/name\/tree\/main\/?(.*)$/.exec(url.pathname) ?? []
  if (request.headers.authorization !== "Bearer token" && !url.pathname.startsWith("/cdn")) {
    response.writeHead(401).end()
  } else if (tree !== undefined) {
    const all = Object.entries(files).filter(([name]) => tree === "" || name.startsWith(`${tree}/`))
    const at = Number(url.searchParams.get("cursor") ?? 0)
    if (all.length === 0) return void response.writeHead(404).end()
    const next = `<${url.pathname}?recursive=true&cursor=${at + 2}>; rel="next"`
    response.writeHead(200, at + 2 < all.length ? { link: next } : {})
    response.end(
      JSON.stringify([
        { type: "directory", path: "data", size: 0, oid: "d" },
        ...all.slice(at, at + 2).map(([path, text]) => ({ type: "file", path, size: text.length, oid: path }))
      ])
    )
  } else if (url.pathname.startsWith("/cdn/")) {
    ranged(request, response, Buffer.from(files[url.pathname.slice(5)] ?? ""), { etag: `"cdn-${hub.asked.length}"` })
  } else {
    const name = url.pathname.replace("/datasets/org/name/resolve/main/", "")
    if (files[name] === undefined) return void response.writeHead(404).end()
    response.writeHead(302, { location: `/cdn/${name}`, "x-linked-etag": `"${name}"` }).end()
  }
})

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await hub.close()
})

const token = Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["HF_TOKEN", "token"]])))

describe.each([
  ["a hub", hub.url],
  ["a folder of the same layout", folder]
])("%s", (_, endpoint) => {
  const layer = Store.huggingFace({ endpoint }).pipe(Layer.provide(token))
  const use = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(Effect.provide(effect, layer))
  const root = "hf://datasets/org/name"
  const names = (location: string) =>
    use(Effect.map(Store.resolve(location), (found) => found.map((own) => own.location.slice(root.length + 1))))
  const train = ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"]

  test("all files, a folder, a split, one file, wildcards", async () => {
    expect(await names(root)).toEqual(["data/test-00000-of-00001.jsonl", ...train, "more/strain.jsonl"])
    expect(await names(`${root}/more`)).toEqual(["more/strain.jsonl"])
    expect(await names(`${root}/train`)).toEqual(train)
    expect(await names(`${root}/${train[1]}`)).toEqual([train[1] ?? ""])
    expect(await names(`${root}/data/train-*`)).toEqual(train)
  })

  test("bytes, and what is not there", async () => {
    const text = await use(
      Effect.gen(function* () {
        const store = yield* Store.Store
        const info = yield* store.stat({ location: `${root}/${train[1]}` })
        return Buffer.from(yield* store.read(info, 1, 6)).toString()
      })
    )
    expect(text).toBe("rain 1")
    for (const location of [`${root}/none`, `${root}/data/none.jsonl`]) {
      const error = await use(Effect.flip(Store.resolve(location)))
      expect(error).toMatchObject({ _tag: "StoreError", kind: "missing" })
    }
    expect(await use(Effect.flip(Store.resolve("hf://models/org/name")))).toMatchObject({ kind: "unsupported" })
  })
})
