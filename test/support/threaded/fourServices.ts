/** A pipeline whose module exports a layer of Effect 4 as its services. */
import { Layer } from "effect4"

export { pipeline } from "./four.ts"

export const services = Layer.empty
