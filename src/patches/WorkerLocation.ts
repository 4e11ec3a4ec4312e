/**
 * The address of a thread's program.
 *
 * @since 0.1.0
 */

/**
 * Makes `location` what it is on the main thread of Deno: not there. In its threads it is the program's file, of the origin
 * "null", and `@effect/platform` makes each address that is asked for relative to it, which fails.
 *
 * @since 0.1.0
 */
export const forgetLocation = (): void => {
  const { location } = globalThis as { readonly location?: { readonly protocol?: unknown } } // by Deno's manual
  if (location?.protocol === "file:") Reflect.deleteProperty(globalThis, "location")
}
