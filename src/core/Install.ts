/**
 * What a user is to do about an optional package that is not installed.
 *
 * @since 0.1.0
 */
import { runtime } from "./runtime.ts"

const installing = { bun: "bun add ", deno: "deno add npm:", node: "npm install " } as const

/** The command that installs a package on this runtime. @since 0.1.0 */
export const installCommand = (name: string): string => `${installing[runtime.name]}${name}`
