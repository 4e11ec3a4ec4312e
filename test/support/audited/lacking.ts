/** A module without a layer. */
export { pipeline } from "./clean.ts"
