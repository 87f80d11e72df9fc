// What the tests of providers' files have in common: files with a key at a double, and bytes to send.
import { expect } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { FileApi, FileApiDeps, FileUpload, Polling } from '../../../src/providers/file-api.ts'
import { createUpstreamHttp } from '../../../src/providers/http.ts'
import type { Dialect } from '../../../src/providers/openai-dialect/dialect.ts'
import { createRedactor } from '../../../src/providers/openai-dialect/redact.ts'

/** Whose files, and where. */
export interface Account {
  readonly provider: string
  readonly dialect: Dialect
  readonly baseUrl: string
  readonly key?: string
  readonly polling?: Partial<Polling>
}

/** What files are made from, and what closes its connections. */
export function filesOf({
  provider,
  dialect,
  baseUrl,
  key = 'test-key',
  polling = { firstMs: 5 },
}: Account): {
  readonly deps: FileApiDeps
  readonly close: () => Promise<void>
} {
  const http = createUpstreamHttp({ provider, baseUrl })
  return {
    deps: {
      upstream: { provider, dialect, redact: createRedactor([key]) },
      access: { http, headers: { authorization: `Bearer ${key}` } },
      clock: systemClock,
      polling,
    },
    close: http.close,
  }
}

/** A signal that nothing ends. */
export const { signal } = new AbortController()

/** The bytes of texts, a piece for each. */
export async function* chunksOf(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

/** An upload of eight bytes. */
export const uploadOf = (over: Partial<FileUpload>): FileUpload => ({
  filename: 'a.txt',
  mimeType: 'text/plain',
  purpose: 'file-extract',
  bytes: chunksOf('some ', 'txt'),
  sizeBytes: 8,
  signal,
  ...over,
})

/** All of a content as text. */
export async function readAll(content: ReturnType<FileApi['content']>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of content) parts.push(part)
  return Buffer.concat(parts).toString()
}

/** The error of ours that a promise ends in. */
export async function failureOf(promise: Promise<unknown>): Promise<GatewayError> {
  const error = await promise.then(
    () => expect.fail('it did not fail'),
    (reason: unknown) => reason,
  )
  if (error instanceof GatewayError) return error
  return expect.fail(`not an error of ours: ${error}`)
}
