// `exai health`: asks a running service whether it takes calls, for containers and people.
import { request } from 'node:http'

/** Where the service is. */
export interface HealthTarget {
  readonly host: string
  readonly port: number
}

/** Longest wait for the answer, in milliseconds. */
export const HEALTH_TIMEOUT_MS = 2_000

/** Resolves with whether the service takes calls, and one line for people. Never rejects. */
export function askHealth({ host, port }: HealthTarget): Promise<{ ready: boolean; line: string }> {
  // A service that listens everywhere is asked on loopback, where no Host rule can refuse it.
  const asked = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return new Promise(resolve => {
    const call = request({ host: asked, port, path: '/health/ready', timeout: HEALTH_TIMEOUT_MS }, res => {
      res.resume()
      const ready = res.statusCode === 200
      resolve({ ready, line: ready ? 'ready' : `not ready: HTTP ${res.statusCode}` })
    })
    call.once('timeout', () => call.destroy(new Error(`no answer within ${HEALTH_TIMEOUT_MS} ms`)))
    call.once('error', error => resolve({ ready: false, line: `not ready: ${error.message}` }))
    call.end()
  })
}
