// What a command believes of the service that it asks: over TLS exactly the certificate of the settings.
import { X509Certificate } from 'node:crypto'
import type { RequestOptions } from 'node:https'
import type { TlsConfig } from '../config/config.ts'
import { GatewayError } from '../core/errors.ts'

/** Options of a request that sends a credential: exactly that certificate is believed, whatever name it is for, because it is ours. */
export function trustOf(tls: Pick<TlsConfig, 'cert'> | undefined): RequestOptions {
  if (tls === undefined) return {}
  const { fingerprint256 } = new X509Certificate(tls.cert)
  return {
    ca: tls.cert,
    allowPartialTrustChain: true,
    checkServerIdentity: (_, shown) =>
      shown.fingerprint256 === fingerprint256
        ? undefined
        : new GatewayError('INVALID_REQUEST', 'what listens there has another certificate than TLS_CERT'),
  }
}
