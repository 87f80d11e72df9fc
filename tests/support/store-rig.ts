// What the suites of the stores work with: ports on a place of their own, a clock that is moved by hand, and settlements.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { CostSchema, Usage_Provenance, UsageSchema } from '#gen/exai/v1/usage_pb'
import { DEFAULT_CALLER } from '../../src/core/caller.ts'
import { newId, uuidv7 } from '../../src/core/ids.ts'
import type { Keys } from '../../src/core/keys.ts'
import type { Log, LogFields } from '../../src/core/log.ts'
import type { KeptMessage, KeptRole, LedgerLine, Settlement } from '../../src/core/settlement.ts'
import { openSqliteStore, type SqliteStore, type SqliteStoreDeps } from '../../src/stores/sqlite/store.ts'
import { createHandClock, type HandClock } from './hand-clock.ts'

/** The ports of a store, whoever implements them. */
export type StorePorts = Pick<
  SqliteStore,
  'journal' | 'conversations' | 'files' | 'marks' | 'usage' | 'outbox'
> & { readonly keys: Keys }

/** A store to be tested. */
export interface StoreRig {
  /** The ports as they are now: after `reopen` they are others. */
  readonly ports: () => StorePorts
  readonly clock: HandClock
  /** Closes the store and opens it again, as a restart does. */
  reopen(): Promise<void>
  close(): Promise<void>
}

/** Makes a rig; each has a place of its own. */
export type OpenRig = () => Promise<StoreRig>

/** A line that was logged. */
export interface Line {
  readonly message: string
  readonly fields: LogFields | undefined
}

/** A log that keeps its lines. */
export function keepingLog(): Log & { readonly lines: Line[] } {
  const lines: Line[] = []
  const keep = (message: string, fields?: LogFields): void => void lines.push({ message, fields })
  return { lines, debug: keep, info: keep, warn: keep, error: keep }
}

/** A folder that is removed at the end. */
export async function ownFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'exai-store-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** A rig on an SQLite file. */
export async function openSqliteRig(
  own: Partial<SqliteStoreDeps> = {},
): Promise<StoreRig & { readonly path: string }> {
  const folder = await ownFolder()
  const clock = createHandClock()
  const path = join(folder.path, 'exai.db')
  const open = () => openSqliteStore({ path, outbox: true, clock, log: keepingLog(), ...own })
  let store = await open()
  return {
    path,
    clock,
    ports: () => store,
    async reopen() {
      await store.close()
      store = await open()
    },
    async close() {
      await store.close()
      await folder.remove()
    },
  }
}

/** A message to keep. */
export function kept(role: KeptRole, text: string, own: Partial<KeptMessage> = {}): KeptMessage {
  const json = JSON.stringify({ role: `ROLE_${role.toUpperCase()}`, content: [{ text }] })
  return { id: uuidv7(Date.now()), role, json, tokens: text.length, ...own }
}

/** A settlement that used nothing. */
export function settled(own: Partial<Settlement> = {}): Settlement {
  return {
    responseId: newId('resp', Date.now()),
    requestId: 'request-1',
    caller: DEFAULT_CALLER,
    requestedModel: 'auto',
    outcome: { type: 'completed', finishReason: 1 },
    attempts: [],
    startedAt: 1_000,
    durationMs: 500,
    ...own,
  }
}

/** A line of the ledger. */
export function line(
  provider: string,
  model: string,
  own: { tokens?: number; nanoUsd?: bigint } = {},
): LedgerLine {
  const { tokens = 10, nanoUsd } = own
  return {
    id: uuidv7(Date.now()),
    provider,
    model,
    usage: create(UsageSchema, {
      inputTokens: tokens,
      cachedInputTokens: 1,
      cacheWriteTokens: 2,
      outputTokens: 3,
      reasoningTokens: 4,
      provenance: nanoUsd === undefined ? Usage_Provenance.ESTIMATED : Usage_Provenance.REPORTED,
    }),
    cost: create(
      CostSchema,
      nanoUsd === undefined ? { known: false } : { known: true, nanoUsd, priceVersion: 'p1' },
    ),
  }
}
