import { describe, expect, test } from "bun:test"
import { parse, textAt } from "../../../../src/sources/store/s3/Xml.ts"

test("elements, attributes, references and empty elements", () => {
  const root = parse(
    `\n<?xml version="1.0" encoding="UTF-8"?>\n<a xmlns="http://x/" b='1'>\n <k>1 &lt; 2 &amp; &#65;&#x1F600;</k><e/><e f="1" />\n</a>\n`
  )
  expect(root?.name).toBe("a")
  expect(root?.children.map(({ name, text }) => `${name}=${text}`)).toEqual(["k=1 < 2 & A😀", "e=", "e="])
  expect(root === undefined ? "" : textAt(root, "k")).toBe("1 < 2 & A😀")
})

describe("is refused:", () => {
  test.each([
    ["nothing", ""],
    ["text", "not found"],
    ["HTML", "<!DOCTYPE html><html><body>hello<br></body></html>"],
    ["a document type", "<!DOCTYPE a [<!ENTITY x 'boom'>]><a>&x;</a>"],
    ["an entity of one's own", "<a>&x;</a>"],
    ["an entity from elsewhere", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`],
    ["an ampersand alone", "<a>b & c</a>"],
    ["a character that there is not", "<a>&#x110000;</a>"],
    ["CDATA", "<a><![CDATA[b]]></a>"],
    ["a comment", "<a><!-- b --></a>"],
    ["an instruction", "<a><?b c?></a>"],
    ["a cut", "<a><b>1</b>"],
    ["a cut tag", "<a><b"],
    ["tags that cross", "<a><b></a></b>"],
    ["two roots", "<a/><b/>"],
    ["text behind the root", "<a/>b"],
    ["text beside elements", "<a>b<c/></a>"],
    ["depth", `${"<a>".repeat(17)}${"</a>".repeat(17)}`],
    ["great depth", "<a>".repeat(1_000_000)],
    ["an attribute without quotes", "<a b=c/>"]
  ])("%s", (_, text) => {
    expect(parse(text)).toBeUndefined()
  })
})
