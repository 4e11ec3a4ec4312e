import { expect, test } from "bun:test"
import { Effect } from "effect"
import type { Request } from "../../../../src/sources/store/http/Requests.ts"
import { identityOf } from "../../../../src/sources/store/s3/Credentials.ts"
import { signed } from "../../../../src/sources/store/s3/Signature.ts"

// AWS's own examples: "Signature Calculations for the Authorization Header", Amazon S3 API Reference.
const identity = identityOf({
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
})
const host = "https://examplebucket.s3.amazonaws.com"

const sign = async (request: Request): Promise<Request["headers"]> => {
  if (identity === undefined) throw new Error("the credentials were refused")
  return (await Effect.runPromise(signed("s3://examplebucket", request, identity, "us-east-1", Date.UTC(2013, 4, 24))))
    .headers
}

test.each<readonly [string, Request, string, string]>([
  [
    "GetObject",
    { method: "GET", url: `${host}/test.txt`, headers: { range: "bytes=0-9" } },
    "host;range;x-amz-content-sha256;x-amz-date",
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
  ],
  [
    "PutObject",
    {
      method: "PUT",
      url: `${host}/test%24file.text`,
      headers: { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
      body: new TextEncoder().encode("Welcome to Amazon S3.")
    },
    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
  ],
  [
    "GetBucketLifecycle",
    { method: "GET", url: `${host}/?lifecycle=`, headers: {} },
    "host;x-amz-content-sha256;x-amz-date",
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
  ],
  [
    "ListObjects",
    { method: "GET", url: `${host}/?max-keys=2&prefix=J`, headers: {} },
    "host;x-amz-content-sha256;x-amz-date",
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
  ]
])("%s is signed as AWS's example", async (_, request, headers, signature) => {
  const { authorization } = await sign(request)
  expect(authorization).toBe(
    `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=${headers}, Signature=${signature}`
  )
})

test("what proxies may change is sent, and not signed", async () => {
  const headers = await sign({ method: "GET", url: `${host}/a`, headers: { "accept-encoding": "identity" } })
  expect(headers["accept-encoding"]).toBe("identity")
  expect(headers["authorization"]).toContain("SignedHeaders=host;x-amz-content-sha256;x-amz-date,")
})
