/**
 * Cursors with something wrong about them.
 */
import type { Corruption } from "./Case.ts"

/** The stored text with something wrong about it. */
export const corrupted = (text: string, corruption: Corruption): string => {
  switch (corruption.kind) {
    case "cut":
      return text.slice(0, corruption.at % text.length)
    case "flip": {
      const at = corruption.at % text.length
      const code = 32 + ((text.charCodeAt(at) - 32 + corruption.by) % 95)
      return text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
    }
    case "number": {
      const numbers = Array.from(text.matchAll(/(?<=[:[,])\d+(?=[,\]}])/g))
      const found = numbers[corruption.at % numbers.length]
      if (found === undefined) return ""
      return text.slice(0, found.index) + (Number(found[0]) + corruption.by) + text.slice(found.index + found[0].length)
    }
    case "without": {
      const fields = Object.entries(JSON.parse(text) as object)
      return JSON.stringify(Object.fromEntries(fields.filter((_, at) => at !== corruption.at % fields.length)))
    }
    case "version":
      return text.replace(/"version":\d+/, `"version":${corruption.version}`)
  }
}
