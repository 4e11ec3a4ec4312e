/**
 * `bun run build:picture`: draws the rooms of `src/` and their arrows for docs/architecture.md.
 */
import { writeFileSync } from "node:fs"
import { drawn } from "./support/house.ts"

writeFileSync(new URL("../docs/architecture.svg", import.meta.url), drawn())
