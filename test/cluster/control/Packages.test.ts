/** Which versions of optional packages users are told to install. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { cannotLoad, VERSIONS } from "../../../src/cluster/control/Packages.ts"

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
  expect(cannotLoad("postgres://db/furrow", "sql-pg", cause).message).toMatch(
    /^the cluster's database postgres:\/\/db\/furrow needs the package @effect\/sql-pg@0\.53, which cannot be loaded \(.*Export named 'Context' not found in module 'effect'\); install this version, which is for Effect 3: \S.*@effect\/sql-pg@0\.53$/
  )
})
