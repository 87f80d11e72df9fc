// The server under test of Connect's conformance suite: its service on our port, handler, exchanges and Connect door.
// Reads a ServerCompatRequest from stdin, and says on stdout where it listens; each with its length before it.
import { readFileSync } from 'node:fs'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type ServerCompatRequest,
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from '../../gen/conformance/connectrpc/conformance/v1/server_compat_pb.ts'
import { ConformanceService } from '../../gen/conformance/connectrpc/conformance/v1/service_pb.ts'
import { DEFAULT_CALLER } from '../../src/core/caller.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Log } from '../../src/core/log.ts'
import { connectCorsNeeds } from '../../src/doors/connect/cors-needs.ts'
import { createRouter } from '../../src/doors/connect/router.ts'
import { createServingDoor } from '../../src/doors/connect/serving.ts'
import { createCors } from '../../src/server/cors.ts'
import type { Door } from '../../src/server/door.ts'
import { createExchanges } from '../../src/server/exchange.ts'
import { createHandler } from '../../src/server/handler.ts'
import { openGuard } from '../../src/server/hosts.ts'
import { createPort } from '../../src/server/port.ts'
import { conformanceRegistry, conformanceService } from './service.ts'

const LENGTH_BYTES = 4
const REQUEST_MAX_BYTES = 4 * 1024 * 1024
const TIMEOUT_MS = 60_000

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

function doorOf({ messageReceiveLimit }: ServerCompatRequest): Door {
  const readMaxBytes = messageReceiveLimit === 0 ? REQUEST_MAX_BYTES : messageReceiveLimit
  const router = createRouter(conformanceRegistry)
  router.service(ConformanceService, conformanceService, { readMaxBytes })
  return createServingDoor({
    router,
    maxBytesOf: () => readMaxBytes,
    isCounted: () => true,
    isPlain: true,
    isOfficial: process.argv.includes('official'),
  })
}

function portOf(request: ServerCompatRequest) {
  const { serverCreds, clientTlsCert } = request
  const handler = createHandler({
    doors: [doorOf(request)],
    routes: (_, res) => {
      res.statusCode = 404
      res.end()
    },
    exchanges: createExchanges({
      log: silent,
      metrics: { callEnded: () => {} },
      clock: systemClock,
      requestTimeoutMs: TIMEOUT_MS,
    }),
    guard: openGuard,
    access: { authenticate: () => DEFAULT_CALLER, isOpen: () => false, authorize: () => {} },
    cors: createCors([], connectCorsNeeds),
    clock: systemClock,
  })
  if (!request.useTls || serverCreds === undefined) return createPort({ handler })
  const tls = { cert: Buffer.from(serverCreds.cert), key: Buffer.from(serverCreds.key) }
  if (clientTlsCert.byteLength === 0) return createPort({ handler, tls })
  const asking = { ...tls, ca: Buffer.from(clientTlsCert), requestCert: true, rejectUnauthorized: true }
  return createPort({ handler, tls: asking })
}

async function main(): Promise<void> {
  const request = fromBinary(ServerCompatRequestSchema, readFileSync(0).subarray(LENGTH_BYTES))
  const port = portOf(request)
  // Sent when every call is over.
  process.once('SIGTERM', port.destroy)
  const at = await port.listen({ host: '127.0.0.1', port: 0 })
  const response = create(ServerCompatResponseSchema, {
    host: at.address,
    port: at.port,
    ...(request.serverCreds === undefined ? {} : { pemCert: request.serverCreds.cert }),
  })
  const bytes = toBinary(ServerCompatResponseSchema, response)
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(bytes.byteLength)
  process.stdout.write(Buffer.concat([length, bytes]))
}

await main()
