// What may be done to API keys: make, list, rotate, revoke. Each change is written to the audit log with it.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  CreateKeyRequest,
  CreateKeyResponseSchema,
  ListKeysRequest,
  ListKeysResponseSchema,
  RevokeKeyRequest,
  RevokeKeyResponseSchema,
  RotateKeyRequest,
  RotateKeyResponseSchema,
} from '#gen/exai/v1/access_service_pb'
import type { KeySchema } from '#gen/exai/v1/key_pb'
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { isId, newId, uuidv7 } from '../core/ids.ts'
import { type AuditEntry, type Keys, type StoredKey, standingOf } from '../core/keys.ts'
import type { Log } from '../core/log.ts'
import { pageToken } from '../core/page.ts'
import { timestampOf } from '../core/time.ts'
import { wireLimits, wirePolicy } from './key-limits.ts'
import type { KeyNews } from './key-news.ts'
import { keyListQuery, keyWish, wireScopes, wireStates } from './key-wish.ts'
import { hashOf, newSecret, prefixOf } from './secret.ts'

/** On whose behalf something is done. */
export type ActingCall = Pick<Call, 'id' | 'caller'>

/** The administration of keys, in the messages of AccessService. Whether the caller may is decided before. */
export interface KeyAdministration {
  /** INVALID_REQUEST naming the field; STORAGE_FULL; UNSUPPORTED when there can be no keys without a setting. */
  create(
    call: ActingCall,
    request: CreateKeyRequest,
  ): Promise<MessageInitShape<typeof CreateKeyResponseSchema>>
  list(request: ListKeysRequest): Promise<MessageInitShape<typeof ListKeysResponseSchema>>
  /** KEY_NOT_FOUND when no key with the id is accepted. */
  rotate(
    call: ActingCall,
    request: RotateKeyRequest,
  ): Promise<MessageInitShape<typeof RotateKeyResponseSchema>>
  /** KEY_NOT_FOUND when no key has the id. */
  revoke(
    call: ActingCall,
    request: RevokeKeyRequest,
  ): Promise<MessageInitShape<typeof RevokeKeyResponseSchema>>
}

/** What `createKeyAdministration` needs. */
export interface KeyAdministrationDeps {
  readonly keys: Keys
  readonly pepper: () => Promise<Uint8Array>
  readonly news: Pick<KeyNews, 'tell'>
  /** Forgets in this process what was remembered of a key. */
  readonly forget: (keyId: string) => void
  readonly clock: Clock
  readonly log: Log
}

/** Makes it. */
export function createKeyAdministration(deps: KeyAdministrationDeps): KeyAdministration {
  const { keys, pepper, news, forget, clock, log } = deps

  /** From here on nobody goes by what was before; the answer waits for that. */
  async function changed(key: StoredKey): Promise<void> {
    forget(key.id)
    await news.tell(key)
  }

  function note({ id, tenant, label }: StoredKey, entry: AuditEntry): void {
    log.info('key administered', {
      request_id: entry.requestId,
      action: entry.action,
      tenant: entry.tenant,
      subject: entry.subject,
      key_id: id,
      key_tenant: tenant,
      key_label: label,
    })
  }

  return {
    async create(call, request) {
      const now = clock.now()
      const wish = keyWish(request, call.caller, now)
      const secret = newSecret()
      const key: StoredKey = {
        ...wish,
        id: newId('key', now),
        hash: hashOf(secret, await pepper()),
        secretPrefix: prefixOf(secret),
        createdAt: now,
      }
      const entry = entryOf(call, now, 'key.create', key.id, {
        tenant: key.tenant,
        label: key.label,
        scopes: key.scopes.join(' '),
        ...(key.expiresAt === undefined ? {} : { expires: new Date(key.expiresAt).toISOString() }),
      })
      await keys.add(key, entry)
      note(key, entry)
      return { key: messageOf(key, now), secret }
    },

    async list(request) {
      const { query, text } = keyListQuery(request)
      const { items, next } = await keys.list(query)
      const now = clock.now()
      return { keys: items.map(key => messageOf(key, now)), nextPageToken: pageToken(next, text) }
    },

    async rotate(call, { keyId }) {
      const now = clock.now()
      const secret = newSecret()
      const entry = entryOf(call, now, 'key.rotate', keyId, {})
      const change = { hash: hashOf(secret, await pepper()), secretPrefix: prefixOf(secret), at: now }
      const key = isId('key', keyId) ? await keys.rotate(keyId, change, entry) : undefined
      if (key === undefined) throw missing('no key that is accepted', keyId)
      await changed(key)
      note(key, entry)
      return { key: messageOf(key, now), secret }
    },

    async revoke(call, { keyId }) {
      const now = clock.now()
      const entry = entryOf(call, now, 'key.revoke', keyId, {})
      const key = isId('key', keyId) ? await keys.revoke(keyId, now, entry) : undefined
      if (key === undefined) throw missing('no key', keyId)
      await changed(key)
      note(key, entry)
      return { key: messageOf(key, now) }
    },
  }
}

/** An entry for the audit log. */
function entryOf(
  { id: requestId, caller: { tenant, subject } }: ActingCall,
  at: number,
  action: string,
  target: string,
  details: AuditEntry['details'],
): AuditEntry {
  return { id: uuidv7(at), at, tenant, subject, requestId, action, target, details }
}

function missing(what: string, id: string): GatewayError {
  return new GatewayError(
    'KEY_NOT_FOUND',
    `${what} has the id ${JSON.stringify(id.slice(0, 80))}: see ListKeys`,
  )
}

function messageOf(key: StoredKey, nowMs: number): MessageInitShape<typeof KeySchema> {
  const { id, label, tenant, secretPrefix, policy } = key
  const time = (at: number | undefined) => (at === undefined ? undefined : timestampOf(at))
  const optional = {
    policy: policy && wirePolicy(policy),
    expireTime: time(key.expiresAt),
    rotateTime: time(key.rotatedAt),
    revokeTime: time(key.revokedAt),
    lastUseTime: time(key.lastUsedAt),
  }
  return {
    id,
    label,
    tenant,
    scopes: key.scopes.map(scope => wireScopes[scope]),
    state: wireStates[standingOf(key, nowMs)],
    secretPrefix,
    limits: wireLimits(key.limits),
    createTime: timestampOf(key.createdAt),
    // The types of the contract know absence, and not undefined.
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
  }
}
