// The standard health service: https://github.com/grpc/grpc/blob/master/doc/health-checking.md
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect'
import { type Health, HealthCheckResponse_ServingStatus as Status } from '#gen/health/v1/health_pb'
import { exchangeOf } from './served.ts'

/** Whether something can be used. */
export type Serving = 'SERVING' | 'NOT_SERVING'

/** Where the door learns what can be used: `""` is the whole, then services, `live` and `provider/<id>`. */
export interface HealthSource {
  names(): readonly string[]
  /** Undefined for a name that is not there. */
  serving(name: string): Serving | undefined
  /** Calls back after each change, of whatever name. Returns the way to stop that. */
  onChange(listener: () => void): () => void
}

/** The health service over a source. */
export function healthService(source: HealthSource): ServiceImpl<typeof Health> {
  return {
    check: ({ service }) => {
      const serving = source.serving(service)
      if (serving === undefined) throw unknown(service)
      return { status: Status[serving] }
    },
    list: () => {
      const statuses: Record<string, { status: Status }> = {}
      for (const name of source.names()) statuses[name] = { status: statusOf(source, name) }
      return { statuses }
    },
    watch: ({ service }, context) => watch(source, service, exchangeOf(context).signal),
  }
}

async function* watch(
  source: HealthSource,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<{ status: Status }> {
  let told: Status | undefined
  let wake = (): void => {}
  const onEvent = (): void => wake()
  const dispose = source.onChange(onEvent)
  signal.addEventListener('abort', onEvent)
  try {
    for (;;) {
      const status = statusOf(source, name)
      if (status !== told) {
        told = status
        yield { status }
        // It may have changed again while that was being sent.
        continue
      }
      // After the last status was told: whoever watches learns NOT_SERVING before the end.
      signal.throwIfAborted()
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  } finally {
    dispose()
    signal.removeEventListener('abort', onEvent)
  }
}

// A watch on a name that is not there stays open, in case it comes.
function statusOf(source: HealthSource, name: string): Status {
  const serving = source.serving(name)
  return serving === undefined ? Status.SERVICE_UNKNOWN : Status[serving]
}

function unknown(name: string): ConnectError {
  return new ConnectError(`no service has the name ${JSON.stringify(name)}, ask List for all`, Code.NotFound)
}
