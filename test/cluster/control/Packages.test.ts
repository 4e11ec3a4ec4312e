/** Which versions of optional packages users are told to install. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { cannotLoad, VERSIONS } from "../../../src/cluster/control/Packages.ts"
import { installCommand } from "../../../src/core/Install.ts"

const text = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8")

test("the versions in the error and on the page are those that the package asks for", () => {
  const { peerDependencies }: { readonly peerDependencies: Readonly<Record<string, string>> } = JSON.parse(
    text("package.json")
  )
  for (const [part, line] of Object.entries(VERSIONS)) {
    expect(peerDependencies[`@effect/${part}`]?.startsWith(`^${line}.`)).toBe(true)
    expect(text("docs/cluster.md")).toContain(`@effect/${part}@${line}`)
  }
})

test("the error says why a package cannot be loaded, which may be there for another Effect", () => {
  const cause = new SyntaxError("Export named 'Context' not found in module 'effect'\nat its first line")
  const { message } = cannotLoad("postgres://db/furrow", "sql-pg", cause)
  expect(message).toMatch(
    /^the cluster's database postgres:\/\/db\/furrow needs the package @effect\/sql-pg@0\.53, which cannot be loaded \(.*Export named 'Context' not found in module 'effect'\); install all that it needs, in the versions for Effect 3: \S/
  )
})

test("the error names all packages that the database needs", () => {
  const named = (database: string): ReadonlyArray<string> =>
    cannotLoad(database, "sql", new Error("none"))
      .message.split("Effect 3: ")[1]
      ?.match(/@effect[^ ]*/g) ?? []
  const files = ["@effect/cluster@0.60", "@effect/experimental@0.61", "@effect/sql@0.52"]
  expect(named("sqlite:///tmp/furrow.db")).toEqual(files)
  expect(named("postgres://db/furrow")).toEqual([...files, "@effect/sql-pg@0.53"])
  expect(installCommand("a", "b")).toMatch(/^(?:bun add a b|npm install a b|deno add npm:a npm:b)$/)
})
