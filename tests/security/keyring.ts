// API keys in every state, made through the service itself with the first key that it shows.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Service } from '../support/running-server.ts'
import type { Secret } from './heard.ts'

/** A key as its maker got it. */
export interface MadeKey {
  readonly id: string
  readonly secret: string
}

/** Keys to attack with. */
export interface Keyring {
  /** Of the tenant `default`, with all scopes: the first one, as the service showed it. */
  readonly admin: MadeKey
  /** Of the tenant `honest-ltd`, with the scopes chat, files and monitoring. */
  readonly chat: MadeKey
  /** Of the tenant `mallory`, with one scope each. */
  readonly only: Readonly<Record<'chat' | 'files' | 'monitoring', MadeKey>>
  readonly revoked: MadeKey
  readonly expired: MadeKey
  /** What a key had before it was rotated. */
  readonly replaced: MadeKey
}

/** Where the service shows its first key: the only line for people, past the log. */
export const FIRST_KEY = /^(?!\{).*\b(exai_[A-Za-z0-9_-]{43})\s*$/m

const EXPIRY_MS = 1_000

/** Makes them. All secrets are kept in mind. */
export async function makeKeyring(service: Service, hide: (secret: Secret) => void): Promise<Keyring> {
  const first = FIRST_KEY.exec(service.output())?.[1]
  if (first === undefined) throw new Error('the guarded gateway has shown no first key')
  hide({ name: 'the first admin key', text: first })

  async function act(method: string, request: unknown): Promise<MadeKey> {
    const answer = await fetch(`${service.url}/exai.v1.AccessService/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${first}` },
      body: JSON.stringify(request),
    })
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(`${method} is answered ${answer.status} ${text}`)
    // The contract's own shape, of which only this much is used.
    const { key, secret = '' } = JSON.parse(text) as { key: { id: string; label: string }; secret?: string }
    if (secret !== '') hide({ name: `the key ${key.label}`, text: secret })
    return { id: key.id, secret }
  }
  const make = (
    label: string,
    tenant: string,
    scopes: readonly string[],
    more: object = {},
  ): Promise<MadeKey> =>
    act('CreateKey', { label, tenant, scopes: scopes.map(scope => `SCOPE_${scope}`), ...more })

  const { keys } = await fetch(`${service.url}/exai.v1.AccessService/ListKeys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${first}` },
    body: '{}',
  }).then(answer => answer.json() as Promise<{ keys: { id: string }[] }>)
  const expired = await make('expired', 'mallory', ['CHAT', 'ADMIN'], { ttl: `${EXPIRY_MS / 1000}s` })
  const madeAtMs = performance.now()
  const revoked = await make('revoked', 'mallory', ['CHAT', 'ADMIN'])
  await act('RevokeKey', { keyId: revoked.id })
  const replaced = await make('rotated', 'mallory', ['CHAT', 'ADMIN'])
  await act('RotateKey', { keyId: replaced.id })
  const keyring: Keyring = {
    admin: { id: keys[0]?.id ?? '', secret: first },
    chat: await make('honest', 'honest-ltd', ['CHAT', 'FILES', 'MONITORING']),
    only: {
      chat: await make('only chat', 'mallory', ['CHAT']),
      files: await make('only files', 'mallory', ['FILES']),
      monitoring: await make('only monitoring', 'mallory', ['MONITORING']),
    },
    revoked,
    expired,
    replaced,
  }
  await sleep(Math.max(0, EXPIRY_MS - (performance.now() - madeAtMs) + 50))
  return keyring
}
