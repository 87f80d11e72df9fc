// The whole server with doors over HTTP, on a real port, and what was logged and counted of their calls.
import { DEFAULT_CALLER } from '../../../../src/core/caller.ts'
import { systemClock } from '../../../../src/core/clock.ts'
import { createCors } from '../../../../src/server/cors.ts'
import type { Door } from '../../../../src/server/door.ts'
import type { Admit } from '../../../../src/server/entrance.ts'
import { type CallEnd, createExchanges, type Exchanges } from '../../../../src/server/exchange.ts'
import { createHandler } from '../../../../src/server/handler.ts'
import { loopbackGuard } from '../../../../src/server/hosts.ts'
import type { Shed } from '../../../../src/server/overload.ts'
import { createPort } from '../../../../src/server/port.ts'

/** A running server. */
export type Running = AsyncDisposable & {
  readonly url: string
  readonly exchanges: Exchanges
  /** The calls that have ended. */
  readonly ends: readonly CallEnd[]
  /** Waits until nothing runs, then gives the one call that there must have been. */
  readonly onlyEnd: () => Promise<CallEnd>
}

/** Starts a server with these doors on a free port of 127.0.0.1. What is for none of them is a plain 404. */
export async function startDoors(
  doors: readonly Door[],
  {
    admit,
    shed,
    requestTimeoutMs = 10_000,
  }: { readonly admit?: Admit; readonly shed?: Shed; readonly requestTimeoutMs?: number } = {},
): Promise<Running> {
  const ends: CallEnd[] = []
  const quiet = (): void => undefined
  const exchanges = createExchanges({
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    metrics: { callEnded: end => void ends.push(end) },
    clock: systemClock,
    requestTimeoutMs,
  })
  const handler = createHandler({
    doors,
    routes: (_req, res) => {
      res.statusCode = 404
      res.end('nobody')
    },
    exchanges,
    guard: loopbackGuard,
    access: { authenticate: () => DEFAULT_CALLER, isOpen: () => false, authorize: () => undefined },
    admit,
    shed,
    cors: createCors([], { methods: [], requestHeaders: [], responseHeaders: [] }),
    clock: systemClock,
  })
  const port = createPort({ handler })
  const at = await port.listen({ host: '127.0.0.1', port: 0 })
  return {
    url: `http://127.0.0.1:${at.port}`,
    exchanges,
    ends,
    onlyEnd: async () => {
      await exchanges.idle()
      const [end] = ends
      if (end === undefined || ends.length > 1) throw new Error(`wanted one end: ${JSON.stringify(ends)}`)
      return end
    },
    [Symbol.asyncDispose]: async () => {
      port.destroy()
      await port.closed()
    },
  }
}

/** Posts JSON, or a text that should be JSON. */
export function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  })
}
