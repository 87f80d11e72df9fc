// The first admin key: made when there is none, and shown once to whoever started the service.
import { create } from '@bufbuild/protobuf'
import { CreateKeyRequestSchema } from '#gen/exai/v1/access_service_pb'
import { Scope } from '#gen/exai/v1/key_pb'
import { DEFAULT_CALLER } from '../core/caller.ts'
import type { Keys } from '../core/keys.ts'
import type { Log } from '../core/log.ts'
import type { Shared } from '../core/shared.ts'
import type { KeyAdministration } from './administration.ts'

/** What `ensureFirstKey` needs. */
export interface FirstKeyDeps {
  readonly keys: Pick<Keys, 'list'>
  readonly administration: Pick<KeyAdministration, 'create'>
  readonly shared: Pick<Shared, 'claim'>
  readonly log: Log
  /** Shows a line to people, past the log: it is the only time that the secret is seen. */
  readonly announce: (line: string) => void
}

const LABEL = 'first admin key'

/** How long another replica that starts now leaves it to the first one, in milliseconds. */
const CLAIM_MS = 60_000

const PAGE = 500

/**
 * Makes a key with the scope admin unless there is an active one. When that cannot be seen, none is made: a key too many is
 * worse than a start that has to be done again.
 */
export async function ensureFirstKey({
  keys,
  administration,
  shared,
  log,
  announce,
}: FirstKeyDeps): Promise<void> {
  if (await hasAdmin(keys)) return
  // Of replicas that start together, one makes it.
  const name = 'access-first-key:default'
  if ((await shared.claim(name, Buffer.from('made'), CLAIM_MS)) !== undefined) return
  const { secret } = await administration.create(
    { id: 'start', caller: { ...DEFAULT_CALLER, subject: 'start' } },
    create(CreateKeyRequestSchema, { label: LABEL, scopes: [Scope.ADMIN] }),
  )
  log.warn('there was no admin key, so one was made; its secret is shown this once, beside the log', {
    label: LABEL,
  })
  announce(`exai: the first admin key, shown only now: ${secret}`)
}

async function hasAdmin(keys: Pick<Keys, 'list'>): Promise<boolean> {
  let after: string | undefined
  do {
    const page = await keys.list({
      limit: PAGE,
      standings: ['active'],
      ...(after === undefined ? {} : { after }),
    })
    if (page.items.some(({ scopes }) => scopes.includes('admin'))) return true
    after = page.next
  } while (after !== undefined)
  return false
}
