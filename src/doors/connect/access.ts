// The access service: each RPC hands its message to the administration of keys and its answer back, and nothing else.
import type { ServiceImpl } from '@connectrpc/connect'
import type { AccessService } from '#gen/exai/v1/access_service_pb'
import type { KeyAdministration } from '../../access/administration.ts'
import { exchangeOf } from './served.ts'

/** The RPCs of the access service. */
export function accessService(keys: KeyAdministration): ServiceImpl<typeof AccessService> {
  return {
    createKey: (request, context) => keys.create(exchangeOf(context), request),
    listKeys: request => keys.list(request),
    rotateKey: (request, context) => keys.rotate(exchangeOf(context), request),
    revokeKey: (request, context) => keys.revoke(exchangeOf(context), request),
  }
}
