/** The server of S3's protocol that tests write to: s3rver, in a process of its own. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"

export interface S3Server {
  readonly url: string
  readonly close: () => Promise<void>
}

/** Starts a server with an empty bucket. */
export const s3Server = async (bucket: string): Promise<S3Server> => {
  const folder = mkdtempSync(join(tmpdir(), "furrow-s3-"))
  const program = createRequire(import.meta.url).resolve("s3rver/bin/s3rver.js")
  const given = ["-d", folder, "-a", "127.0.0.1", "-p", "0", "-s", "--configure-bucket", bucket]
  const runtime = process.versions["deno"] === undefined ? [] : ["run", "-A", "--no-check"]
  const child = spawn(process.execPath, [...runtime, program, ...given], { stdio: ["ignore", "pipe", "inherit"] })
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  const url = await new Promise<string>((resolve, reject) => {
    let said = ""
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(said)?.[1]
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`)
    })
    void ended.then(() => reject(new Error(`s3rver did not start: ${said}`)))
  })
  return {
    url,
    close: async () => {
      child.kill()
      await ended
      rmSync(folder, { recursive: true, force: true })
    }
  }
}
