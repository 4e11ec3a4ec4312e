/**
 * Marks on the global object. All copies of this package that a thread has loaded see the same ones.
 *
 * @since 0.1.0
 */

const key = (name: string): symbol => Symbol.for(`furrow/${name}`)

/** What a mark is; `undefined` if it was not set. @since 0.1.0 */
export const get = (name: string): unknown => Reflect.get(globalThis, key(name))

/** Sets a mark. @since 0.1.0 */
export const set = (name: string, value: unknown): void => {
  Reflect.set(globalThis, key(name), value)
}

/** The mark as an expression, for the text of a program. @since 0.1.0 */
export const expression = (name: string): string => `globalThis[Symbol.for(${JSON.stringify(`furrow/${name}`)})]`
