// Where the service of the settings is, seen from this machine.

/** The host to ask: a service that listens everywhere is on loopback, too. */
export function askedHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
}

/** The URL to ask, without a path. */
export function addressOf({
  host,
  port,
  tls,
}: {
  readonly host: string
  readonly port: number
  readonly tls?: unknown
}): string {
  const asked = askedHost(host)
  return `${tls === undefined ? 'http' : 'https'}://${asked.includes(':') ? `[${asked}]` : asked}:${port}`
}
