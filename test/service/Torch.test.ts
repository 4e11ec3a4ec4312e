/**
 * The batches of a service in PyTorch: an `IterableDataset` under a `DataLoader`, which gives what a local run delivers.
 */
import { expect, test } from "bun:test"
import { spawn, spawnSync } from "node:child_process"
import { dirname } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { Scheduler, SeedPolicy } from "../../src/index.ts"
import { Service } from "../../src/service.ts"
import { TIME } from "../support/process.ts"
import { numbers } from "./numbers.ts"

/** Debian's packages belong to its own Python, which need not be the first one on the path. */
const python = ["python3", "/usr/bin/python3"].find((path) => {
  const tried = spawnSync(path, ["-c", "import importlib.util as u, sys; sys.exit(not u.find_spec('torch'))"])
  return tried.error === undefined && tried.status === 0
})

const client = dirname(fileURLToPath(new URL("../../src/service/furrow_client.py", import.meta.url)))

const SCRIPT = `
import hashlib, json, os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import torch
from torch.utils.data import DataLoader
from furrow_client import dataset
torch.set_num_threads(1)
options = dict(seed=42, epochs=2, digest=True)

def through(workers, **more):
    own = dataset(sys.argv[2], cursors=True, **{**options, **more})
    seen = hashlib.sha256()
    sizes, cursors = [], []
    for batch, cursor in DataLoader(own, batch_size=None, num_workers=workers):
        assert all(isinstance(batch[name], torch.Tensor) for name in ("id", "noise", "even", "row"))
        seen.update(json.dumps([batch["id"].tolist(), batch["row"].tolist(), batch["name"]]).encode())
        sizes.append(len(batch["id"]))
        cursors.append(cursor)
    return own, seen.hexdigest(), sizes, cursors

if __name__ == "__main__":
    plain, here, sizes, cursors = through(0)
    _, there, ahead, _ = through(1)
    rest, _, left, _ = through(0, start=cursors[40])
    os.environ.update(RANK="1", WORLD_SIZE="2")
    ranked, _, half, _ = through(0)
    try:
        next(iter(DataLoader(dataset(sys.argv[2], **options), batch_size=None, num_workers=2)))
        refused = None
    except ValueError as error:
        refused = str(error)
    print(json.dumps({"digest": plain.run.digest, "samples": sum(sizes), "same": here == there, "ahead": ahead == sizes,
        "again": rest.run.digest, "left": left == sizes[41:], "half": sum(half), "ranked": ranked.run.digest,
        "refused": refused}))
`

const local = (options: Partial<Scheduler.Options>) =>
  Scheduler.open(numbers, { epochs: 2, digest: true, replay: true, ...options }).pipe(
    Effect.flatMap((loader) =>
      Effect.zipRight(
        loader.forEach(() => Effect.void),
        loader.digest
      )
    ),
    Effect.scoped,
    Effect.provide(SeedPolicy.epochWorker({ seed: 42 }))
  )

test.skipIf(python === undefined)(
  "a DataLoader gives what a local run delivers, by itself and by a worker, resumed, and of a rank (needs python3 with PyTorch)",
  async () => {
    const served = Effect.gen(function* () {
      const { url } = yield* Service.serve({ pipelines: { numbers } })
      const said = yield* Effect.promise(
        () =>
          new Promise<string>((resolve) => {
            const child = spawn(python ?? "", ["-c", SCRIPT, client, url])
            let text = ""
            for (const stream of [child.stdout, child.stderr]) {
              stream.on("data", (piece: Buffer) => {
                text += piece.toString()
              })
            }
            child.on("close", () => resolve(text))
          })
      )
      const digest = yield* local({})
      expect(JSON.parse(said)).toEqual({
        digest,
        samples: 2000,
        same: true,
        ahead: true,
        again: digest,
        left: true,
        half: 1000,
        ranked: yield* local({ rank: 1, world: 2 }),
        refused: expect.stringContaining("num_workers=0 or 1")
      })
    })
    await Effect.runPromise(Effect.scoped(served))
  },
  TIME
)
