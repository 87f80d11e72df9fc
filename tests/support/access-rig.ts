// Access as it is opened in a service, with keys in memory, a clock in the hands of the test and tokens of its own making.
import { createHmac, sign as cryptoSign, type KeyObject } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  CreateKeyRequestSchema,
  RevokeKeyRequestSchema,
  RotateKeyRequestSchema,
} from '#gen/exai/v1/access_service_pb'
import { Scope } from '#gen/exai/v1/key_pb'
import type { CredentialSource } from '../../src/access/credential.ts'
import { type Access, openAccess } from '../../src/access/open.ts'
import type { AuthConfig, TokenConfig } from '../../src/config/config.ts'
import { DEFAULT_CALLER } from '../../src/core/caller.ts'
import type { LogFields } from '../../src/core/log.ts'
import type { Shared } from '../../src/core/shared.ts'
import { createProcessShared } from '../../src/stores/process/shared.ts'
import { createHandClock, type HandClock } from './hand-clock.ts'
import { createMemoryKeys, type MemoryKeys } from './memory-keys.ts'

/** The settings of tokens here. */
export const TOKENS: TokenConfig & { readonly secret: string } = {
  issuer: 'exai-mcp-server',
  audience: 'exai-mcp-client',
  secret: 'a-secret-for-tests-only-of-at-least-32-bytes',
}

/** A pepper for tests. */
export const PEPPER = 'pepper-for-tests-only'

/** Opened access and what it works with. */
export interface AccessRig {
  readonly access: Access
  readonly keys: MemoryKeys
  readonly clock: HandClock
  readonly shared: Shared
  /** What was shown to people. */
  readonly announced: string[]
  readonly lines: { readonly message: string; readonly fields: LogFields }[]
  readonly dataDir: string
  /** Says that replicas hear one another, or do not; undefined: there is nothing between them. */
  setUp(isUp: boolean | undefined): void
  close(): Promise<void>
}

/** What a test decides. */
export interface AccessRigOptions {
  readonly auth?: AuthConfig
  readonly keyPepper?: string | undefined
  readonly supabase?: { readonly url: string; readonly key: string }
  readonly keys?: MemoryKeys
  readonly shared?: Shared
  readonly clock?: HandClock
}

/** Opens access; the mode is `token` with HS256 unless the test says otherwise. */
export async function openAccessRig(options: AccessRigOptions = {}): Promise<AccessRig> {
  const clock = options.clock ?? createHandClock()
  const keys = options.keys ?? createMemoryKeys(clock.now)
  const shared =
    options.shared ??
    createProcessShared({
      clock,
      onFault: error => {
        throw error
      },
    })
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-access-'))
  const announced: string[] = []
  const lines: AccessRig['lines'][number][] = []
  const listeners = new Set<() => void>()
  let isUp: boolean | undefined
  const line = (message: string, fields: LogFields = {}): void => void lines.push({ message, fields })
  const access = await openAccess({
    config: {
      auth: options.auth ?? { mode: 'token', tokens: TOKENS },
      keyPepper: 'keyPepper' in options ? options.keyPepper : PEPPER,
      dataDir,
      supabase: options.supabase,
    },
    keys,
    sharing: {
      shared,
      isUp: () => isUp,
      onHealth: listener => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
    clock,
    log: { debug: line, info: line, warn: line, error: line },
    announce: text => void announced.push(text),
  })
  return {
    access,
    keys,
    clock,
    shared,
    announced,
    lines,
    dataDir,
    setUp(next) {
      isUp = next
      for (const listener of listeners) listener()
    },
    async close() {
      await access.close()
      if (options.shared === undefined) await shared.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** The header of a request, as Node gives it raw. */
export function header(...pairs: readonly (readonly [name: string, value: string])[]): CredentialSource {
  return { rawHeaders: pairs.flat() }
}

/** A request with this credential. */
export function bearer(credential: string): CredentialSource {
  return header(['host', 'localhost'], ['Authorization', `Bearer ${credential}`])
}

/** Who makes a key where nobody asks. */
export const OPERATOR = { id: 'request-1', caller: { ...DEFAULT_CALLER, subject: 'somebody' } }

/** Makes a key with the scope chat unless the request says otherwise; gives its id and secret. */
export async function makeKey(
  { access }: Pick<AccessRig, 'access'>,
  request: MessageInitShape<typeof CreateKeyRequestSchema> = {},
): Promise<{ readonly id: string; readonly secret: string }> {
  const wish = { label: 'a key', scopes: [Scope.CHAT], ...request }
  const { key, secret } = await access.administration.create(OPERATOR, create(CreateKeyRequestSchema, wish))
  if (key?.id === undefined || secret === undefined) throw new Error('no key was made')
  return { id: key.id, secret }
}

/** Revokes a key. */
export async function revokeKey({ access }: Pick<AccessRig, 'access'>, keyId: string): Promise<void> {
  await access.administration.revoke(OPERATOR, create(RevokeKeyRequestSchema, { keyId }))
}

/** Gives a key a new secret; gives the secret. */
export async function rotateKey({ access }: Pick<AccessRig, 'access'>, keyId: string): Promise<string> {
  const { secret } = await access.administration.rotate(OPERATOR, create(RotateKeyRequestSchema, { keyId }))
  if (secret === undefined) throw new Error('no secret was made')
  return secret
}

type Part = Readonly<Record<string, unknown>>

/** The claims of a good token at an instant, with what a test sets over them; undefined takes one away. */
export function claimsAt(nowMs: number, over: Part = {}): Part {
  const nowS = Math.floor(nowMs / 1000)
  const good = { iss: TOKENS.issuer, aud: TOKENS.audience, sub: 'ada', exp: nowS + 3600, scope: 'chat' }
  return { ...good, ...over }
}

/** A token written by hand, so that it can be wrong in any way. */
export function tokenOf(header: Part | string, claims: Part | string, signer: Signer): string {
  const text = (part: Part | string) => (typeof part === 'string' ? part : JSON.stringify(part))
  const signed = [header, claims].map(part => Buffer.from(text(part)).toString('base64url')).join('.')
  return `${signed}.${signer(signed)}`
}

/** Signs what stands before the last dot. */
export type Signer = (signed: string) => string

/** Signs with a secret (HS256). */
export function hmac(secret: string | Uint8Array = TOKENS.secret): Signer {
  return signed => createHmac('sha256', secret).update(signed).digest('base64url')
}

/** Signs with a private key: RS256, ES256 or EdDSA by the kind of the key. */
export function privately(key: KeyObject): Signer {
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  return signed =>
    cryptoSign(digest, Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
}

/** A good HS256 token with what a test sets over its claims. */
export function goodToken(nowMs: number, over: Part = {}): string {
  return tokenOf({ alg: 'HS256', typ: 'JWT' }, claimsAt(nowMs, over), hmac())
}
