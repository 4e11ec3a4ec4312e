/** What a text imports is told from what only reads like an import. */
import { expect, test } from "bun:test"
import { importsOf } from "../../../../src/scheduler/backends/remote/ModuleImports.ts"

const names = (code: string) => importsOf(code).names
const A = ["./a.ts"]

test("all forms of imports are found, with comments and line breaks in them", () => {
  const imports = [
    'import { a } from "./a.ts"',
    "import './a.ts'",
    'import a, * as b from/* c */"./a.ts"',
    'import type { A } from // c\n  "./a.ts"',
    'import a from "./a.ts" with { type: "json" }',
    'import a = require("./a.ts")',
    'export * from "./a.ts"',
    'export { from } from "./a.ts"',
    'const { a } = await import(/* webpackChunkName: "a" */ "./a.ts")',
    "const a = [...require(`./a.ts`)]",
    'const a = import("./a.ts", { with: { type: "json" } })',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code
    'const text = `${"`"} ${{ a: `${await import("./a.ts")}` }} from "./b.ts"`',
    'const a = b / c; import("./a.ts"); d / e',
    'const ticks = /[`/"]/.test(a) || /\\`/; import("./a.ts")',
    'const a = <p title="it\'s">don\'t</p>\nimport("./a.ts")'
  ]
  for (const code of imports) {
    expect({ code, ...importsOf(code) }).toEqual({ code, names: A, isWhole: true })
  }
})

test("what is in comments, strings, templates and regular expressions is no import", () => {
  const others = [
    '// The rows come from "./a.ts"',
    '/* import "./a.ts" */',
    "const sql = \"select * from './a.ts'\"",
    'const text = `import "./a.ts"`',
    "const quoted = '\\'; import \"./a.ts\"'",
    'const own = /import "\\.\\/a/.test(a)',
    'loader.import("./a.ts"); a.from("./a.ts"); Array.from("./a.ts"); const from$ = "./a.ts"',
    "const a = { from: './a.ts', import: './b.ts' }",
    "import.meta.resolve('./a.ts')"
  ]
  for (const code of others) expect({ code, ...importsOf(code) }).toEqual({ code, names: [], isWhole: true })
})

test("imports that are computed are not whole; nor is a text that cannot be followed, which is taken loosely", () => {
  const computed = [
    "import(name)",
    'import("./" + name)',
    "import(`./$" + "{name}`)",
    'import "./\\u0061.ts"',
    "require(a)"
  ]
  for (const code of computed) expect({ code, ...importsOf(code) }).toEqual({ code, names: [], isWhole: false })
  for (const end of ["`", "/*", "`$" + "{"]) {
    expect(importsOf(`// from "./b.ts"\nimport "./a.ts"\n${end}`)).toEqual({ names: ["./b.ts", ...A], isWhole: false })
  }
  expect(names(`const text = "${"\\n".repeat(2 ** 20)}"; import "./a.ts"`)).toEqual(A)
})
