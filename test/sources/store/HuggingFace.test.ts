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
    if (endpoint === folder) {
      const error = await use(Effect.flip(Store.resolve(`${root}@v1/train`)))
      expect(error.message).toContain(
        `in ${folder}/datasets/org/name@v1; the files of a revision are in a folder of its own`
      )
    }
    expect(await use(Effect.flip(Store.resolve("hf://models/org/name")))).toMatchObject({ kind: "unsupported" })
  })
})

describe("a revision", () => {
  const commits = ["a".repeat(40), "b".repeat(40)] as const
  const path = "hf://datasets/org/moving"
  /** A hub whose branch moves; `tells` is where it says to which commit. */
  const moving = async (tells: "revision" | "header") => {
    const state = { head: 0 }
    const secrets: Array<unknown> = []
    const files = await serve((request, response) => {
      secrets.push(request.headers.authorization)
      const commit = new URL(request.url ?? "", "http://files").pathname.split("/")[1]
      ranged(request, response, Buffer.from(`rows of ${commit?.[0]}`))
    })
    const server = await serve((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://hub")
      const parts = /^\/(?:api\/)?datasets\/org\/moving\/(\w+)\/(\w+)/.exec(pathname) ?? []
      const head = commits[state.head] ?? ""
      const commit = parts[2] === "main" ? head : (parts[2] ?? "")
      if (parts[1] === "revision" && tells === "revision") response.end(JSON.stringify({ sha: head }))
      else if (parts[1] === "tree") {
        response.end(JSON.stringify([{ type: "file", path: `${commit[0]}.txt`, size: 9 }]))
      } else if (parts[1] === "resolve") {
        const told = tells === "header" ? { "x-repo-commit": commit } : {}
        const linked = { "x-linked-etag": `"${commit[0]}"`, "x-linked-size": "9" }
        response.writeHead(302, { location: `${files.url}/${commit}`, ...linked, ...told }).end()
      } else response.writeHead(404).end()
    })
    const layer = Store.huggingFace({ endpoint: server.url }).pipe(Layer.provide(token))
    return { state, secrets, layer, asked: server.asked, close: () => Promise.all([server.close(), files.close()]) }
  }
  const text = (store: Store.StoreService, info: Store.ObjectInfo) =>
    Effect.map(store.read(info, 0, info.size), (bytes) => Buffer.from(bytes).toString())

  test("is pinned to its commit when it is first looked up, and the token stays at the hub", async () => {
    const hub = await moving("revision")
    const first = Effect.gen(function* () {
      const store = yield* Store.Store
      const [listed] = yield* Store.resolve(`${path}/*.txt`)
      expect(listed?.location).toBe(`${path}/a.txt`)
      const info = yield* store.stat({ location: `${path}/a.txt` })
      expect(info).toMatchObject({ location: `${path}/a.txt`, size: 9, version: '"a"' })
      hub.state.head = 1
      expect(yield* text(store, info)).toBe("rows of a")
      expect(yield* text(store, yield* store.stat({ location: `${path}/b.txt` }))).toBe("rows of a")
      return JSON.stringify([info, listed])
    })
    expect(await Effect.runPromise(Effect.provide(first, hub.layer))).not.toContain(commits[0])
    expect(hub.asked.filter((own) => own.includes("/revision/main")).length).toBe(1)
    const later = Effect.flatMap(Store.Store, (store) =>
      Effect.flatMap(store.stat({ location: `${path}@main/b.txt` }), (info) => text(store, info))
    )
    expect(await Effect.runPromise(Effect.provide(later, hub.layer))).toBe("rows of b")
    expect(hub.secrets.length).toBeGreaterThan(0)
    expect(new Set(hub.secrets)).toEqual(new Set([undefined]))
    await hub.close()
  })

  test("is pinned by the commit that comes with a file, where the hub has no other way to tell", async () => {
    const hub = await moving("header")
    const read = Effect.gen(function* () {
      const store = yield* Store.Store
      const info = yield* store.stat({ location: `${path}/a.txt` })
      hub.state.head = 1
      expect(yield* text(store, info)).toBe("rows of a")
      return yield* text(store, yield* store.stat({ location: `${path}/other.txt` }))
    })
    expect(await Effect.runPromise(Effect.provide(read, hub.layer))).toBe("rows of a")
    await hub.close()
  })

  test("that is a commit is asked for as it is", async () => {
    const hub = await moving("revision")
    const read = Effect.flatMap(Store.Store, (store) =>
      Effect.flatMap(store.stat({ location: `${path}@${commits[1]}/b.txt` }), (info) => text(store, info))
    )
    expect(await Effect.runPromise(Effect.provide(read, hub.layer))).toBe("rows of b")
    expect(hub.asked.some((own) => own.includes("/revision/"))).toBe(false)
    await hub.close()
  })
})
