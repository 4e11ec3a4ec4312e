/** The list of runners at fixed addresses. */
import { expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { address, listOf } from "../../pipelines/cli/Reading.ts"
import { type Address, list } from "../../src/cluster/Runners.ts"

const refused = async (address: Address) => {
  const built = await Effect.runPromise(Effect.scoped(Effect.either(Layer.build(list([address])))))
  return Either.getOrThrow(Either.flip(built)).message
}

test.each<[string, Address]>([
  ["a text", "user:s3cr3t@h:7718"],
  ["a URL", "tcp://user:s3cr3t@h:7718"],
  ["its parts", { host: "user:s3cr3t@h", port: 7718 }]
])("the password in an address of a runner is not shown, given as %s", async (_, address) => {
  const message = await refused(address)
  expect(message).toBe(
    'the address of a runner must be a host and a port, such as "10.0.0.7:7718" or "[::1]:7718", got "…"'
  )
})

test("an address without a password is shown", async () => {
  expect(await refused("h")).toContain('got "h"')
  expect(await refused({ host: "", port: 1 })).toContain('got ""')
})

test("the list of a command line does not show it either", () => {
  expect(listOf(address)("10.0.0.7:7718,user:s3cr3t@h:7718")).toEqual(
    Either.left("(…) is no address such as 127.0.0.1:7717")
  )
})
