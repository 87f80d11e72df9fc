// Rows as the own store holds them, for tests that send them on.
import { uuidv7 } from '../../src/core/ids.ts'
import type { MemoryRow } from './memory-outbox.ts'

type Columns = NonNullable<MemoryRow>

/** A moment of these tests: 2026-11-22T17:00:00.123Z. */
export const AT = 1_795_366_800_123

/** A conversation without messages. */
export function conversationRow(id: string, more: Columns = {}): Columns {
  return {
    id,
    tenant: 'acme',
    created_at: AT,
    updated_at: AT + 1,
    expires_at: null,
    deleted_at: null,
    last_place: 0,
    message_count: 0,
    provider: '',
    model: '',
    version: 1,
    system: '[]',
    ...more,
  }
}

/** A message of a conversation. */
export function messageRow(conversationId: string, more: Columns = {}): Columns & { readonly id: string } {
  return {
    id: uuidv7(AT),
    conversation_id: conversationId,
    tenant: 'acme',
    place: 1,
    role: 'user',
    tokens: 3,
    response_id: `resp_${uuidv7(AT)}`,
    json: '{"role":"ROLE_USER","content":[{"text":"hello"}]}',
    ...more,
  }
}

/** A line of the ledger. */
export function ledgerRow(more: Columns = {}): Columns & { readonly id: string } {
  return {
    id: uuidv7(AT),
    response_id: `resp_${uuidv7(AT)}`,
    request_id: 'req-1',
    tenant: 'acme',
    subject: 'key_1',
    conversation_id: null,
    requested_model: 'auto',
    provider: 'openai',
    model: 'gpt',
    key_label: 'main',
    outcome: 'completed',
    reason: '',
    input_tokens: 10,
    cached_input_tokens: 4,
    cache_write_tokens: 0,
    output_tokens: 5,
    reasoning_tokens: 2,
    provenance: 1,
    nano_usd: '9007199254740993',
    cost_known: 1,
    price_version: '2026-11',
    cost: '{"known":true,"nanoUsd":"9007199254740993"}',
    started_at: AT - 1000,
    ended_at: AT,
    ...more,
  }
}

/** What is known of bytes. */
export function blobRow(key: string, sha256: string, sizeBytes: number, more: Columns = {}): Columns {
  return {
    key,
    tenant: 'acme',
    sha256,
    size_bytes: sizeBytes,
    mime_type: 'text/plain',
    created_at: AT,
    due_at: null,
    text_state: 'none',
    text_tokens: 0,
    ...more,
  }
}

/** A file with these bytes. */
export function fileRow(id: string, blobKey: string, more: Columns = {}): Columns {
  return {
    id,
    tenant: 'acme',
    blob_key: blobKey,
    filename: 'notes.txt',
    filename_folded: 'notes.txt',
    mime_type: 'text/plain',
    purpose: '',
    metadata: '{"a":"b"}',
    created_at: AT,
    expires_at: AT + 1000,
    ...more,
  }
}
