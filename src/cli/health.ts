// `exai health`: asks a running service whether it takes calls, for containers and people.
import { type IncomingMessage, request as requestClear } from 'node:http'
import { request as requestTls } from 'node:https'
import { askedHost } from './address.ts'

/** Where the service is. */
export interface HealthTarget {
  readonly host: string
  readonly port: number
  /** Present when the service speaks TLS; what is in it does not matter. */
  readonly tls?: unknown
}

/** Longest wait for the answer, in milliseconds. */
export const HEALTH_TIMEOUT_MS = 2_000

/** Resolves with whether the service takes calls, and one line for people. Never rejects. */
export function askHealth({ host, port, tls }: HealthTarget): Promise<{ ready: boolean; line: string }> {
  // Of the whole exchange: a time-out of the socket would begin anew with each byte of a service that only drips.
  const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS)
  // Without authentication a service refuses every Host that is not loopback, also its own address.
  const headers = { host: 'localhost' }
  const options = { host: askedHost(host), port, path: '/health/ready', headers, agent: false, signal }
  return new Promise(resolve => {
    const onAnswer = (res: IncomingMessage): void => {
      const ready = res.statusCode === 200
      resolve({ ready, line: ready ? 'ready' : `not ready: HTTP ${res.statusCode}` })
      // The status is all: the rest must not keep the command.
      res.destroy()
    }
    const call =
      tls === undefined
        ? requestClear(options, onAnswer)
        : // The certificate is for the public name, not for this address, and nothing is told that anybody could misuse.
          requestTls({ ...options, rejectUnauthorized: false }, onAnswer)
    call.on('error', error => {
      const reason = signal.aborted ? `no answer within ${HEALTH_TIMEOUT_MS} ms` : error.message
      resolve({ ready: false, line: `not ready: ${reason}` })
    })
    call.end()
  })
}
