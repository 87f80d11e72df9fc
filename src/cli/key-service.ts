// Who does what `exai keys` is asked for: the running service when one answers, and else the store in DATA_DIR.
import { type IncomingMessage, request as requestClear } from 'node:http'
import { type RequestOptions, request as requestTls } from 'node:https'
import { type Client, createClient } from '@connectrpc/connect'
import { createConnectTransport } from '@connectrpc/connect-node'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import type { Config } from '../config/config.ts'
import { GatewayError } from '../core/errors.ts'
import { trustOf } from './trust.ts'

/** The methods of AccessService. */
export type KeyService = Pick<
  Client<typeof AccessService>,
  'createKey' | 'listKeys' | 'rotateKey' | 'revokeKey'
>

/** Longest wait for the service, in milliseconds. */
const TIMEOUT_MS = 10_000

/** Where the service of this configuration is, seen from this machine. */
export function addressOf({ host, port, tls }: Config['listen']): string {
  const asked = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `${tls === undefined ? 'http' : 'https'}://${asked.includes(':') ? `[${asked}]` : asked}:${port}`
}

/**
 * Whether the service is there. Throws INVALID_REQUEST when something else listens in its place: it must not be told a
 * credential, and the store may be in use.
 */
export async function isRunning(listen: Config['listen']): Promise<boolean> {
  const url = addressOf(listen)
  const answer = await probe(`${url}/health/live`, trustOf(listen.tls))
  if (answer === undefined) return false
  if (answer.includes('"live"')) return true
  const message = `what listens at ${url} is not this service: correct HOST and PORT, or work on the store with --store`
  throw new GatewayError('INVALID_REQUEST', message)
}

/** A client of the running service. */
export function remoteKeys(listen: Config['listen'], credential: string | undefined): KeyService {
  const transport = createConnectTransport({
    baseUrl: addressOf(listen),
    httpVersion: '1.1',
    defaultTimeoutMs: TIMEOUT_MS,
    nodeOptions: trustOf(listen.tls),
    interceptors: [
      next => req => {
        if (credential !== undefined) req.header.set('authorization', `Bearer ${credential}`)
        return next(req)
      },
    ],
  })
  return createClient(AccessService, transport)
}

/** The beginning of what is answered; undefined when nobody listens. */
function probe(url: string, trust: RequestOptions): Promise<string | undefined> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  return new Promise((resolve, reject) => {
    const onAnswer = (res: IncomingMessage): void => {
      res.setEncoding('utf8').once('data', resolve)
      res.once('end', () => resolve('')).once('error', reject)
    }
    const options = { ...trust, agent: false, signal }
    const call = url.startsWith('https:')
      ? requestTls(url, options, onAnswer)
      : requestClear(url, options, onAnswer)
    call.once('error', error => {
      if ('code' in error && error.code === 'ECONNREFUSED') resolve(undefined)
      else
        reject(new GatewayError('INVALID_REQUEST', `the service at ${url} cannot be asked: ${error.message}`))
    })
    call.end()
  })
}
