// How a row of the own store looks in the project: which table, which columns, and what each of them becomes.
import type { OutboxTable } from '../../core/outbox.ts'

/** What a column holds: `id` may have a prefix such as `conv_`, and `time_of_id` is the moment in a UUIDv7. */
export type Kind = 'id' | 'text' | 'number' | 'flag' | 'time' | 'time_of_id' | 'json' | 'bytes'

/** One table. */
export interface SentTable {
  /** Its name in `supabase/migrations`. */
  readonly name: string
  /** The column of its primary key there. */
  readonly key: string
  /** `append`: a row that is there stays as it is. `newest`: the one with the higher version stays. */
  readonly rows: 'append' | 'newest'
  /** What goes when a row goes, or is marked as deleted: the rows of this table that name it in this column. */
  readonly children?: { readonly table: string; readonly column: string }
  /** By column there: the column here and what it holds. */
  readonly columns: Readonly<Record<string, readonly [from: string, kind: Kind]>>
}

/** Every table that is sent. A column that is not named here stays at home. */
export const SENT_TABLES = {
  conversations: {
    name: 'conversations',
    key: 'id',
    rows: 'newest',
    children: { table: 'messages', column: 'conversation_id' },
    columns: {
      id: ['id', 'id'],
      tenant_id: ['tenant', 'text'],
      system: ['system', 'text'],
      message_count: ['message_count', 'number'],
      last_place: ['last_place', 'number'],
      provider: ['provider', 'text'],
      model: ['model', 'text'],
      version: ['version', 'number'],
      created_at: ['created_at', 'time'],
      updated_at: ['updated_at', 'time'],
      expires_at: ['expires_at', 'time'],
      deleted_at: ['deleted_at', 'time'],
    },
  },
  messages: {
    name: 'messages',
    key: 'id',
    rows: 'append',
    columns: {
      id: ['id', 'id'],
      tenant_id: ['tenant', 'text'],
      conversation_id: ['conversation_id', 'id'],
      place: ['place', 'number'],
      role: ['role', 'text'],
      content: ['json', 'text'],
      tokens: ['tokens', 'number'],
      response_id: ['response_id', 'id'],
      created_at: ['id', 'time_of_id'],
    },
  },
  ledger: {
    name: 'usage_ledger',
    key: 'id',
    rows: 'append',
    columns: {
      id: ['id', 'id'],
      tenant_id: ['tenant', 'text'],
      subject: ['subject', 'text'],
      request_id: ['request_id', 'text'],
      response_id: ['response_id', 'id'],
      conversation_id: ['conversation_id', 'id'],
      requested_model: ['requested_model', 'text'],
      provider: ['provider', 'text'],
      model: ['model', 'text'],
      key_label: ['key_label', 'text'],
      outcome: ['outcome', 'text'],
      reason: ['reason', 'text'],
      input_tokens: ['input_tokens', 'number'],
      cached_input_tokens: ['cached_input_tokens', 'number'],
      cache_write_tokens: ['cache_write_tokens', 'number'],
      output_tokens: ['output_tokens', 'number'],
      reasoning_tokens: ['reasoning_tokens', 'number'],
      provenance: ['provenance', 'number'],
      nano_usd: ['nano_usd', 'number'],
      cost_known: ['cost_known', 'flag'],
      price_version: ['price_version', 'text'],
      cost: ['cost', 'json'],
      started_at: ['started_at', 'time'],
      ended_at: ['ended_at', 'time'],
      cause: ['cause', 'text'],
    },
  },
  blobs: {
    name: 'file_blobs',
    key: 'blob_key',
    rows: 'newest',
    columns: {
      blob_key: ['key', 'text'],
      tenant_id: ['tenant', 'text'],
      sha256: ['sha256', 'text'],
      size_bytes: ['size_bytes', 'number'],
      mime_type: ['mime_type', 'text'],
      text_state: ['text_state', 'text'],
      text_tokens: ['text_tokens', 'number'],
      object_path: ['object_path', 'text'],
      created_at: ['created_at', 'time'],
      due_at: ['due_at', 'time'],
    },
  },
  files: {
    name: 'files',
    key: 'id',
    rows: 'newest',
    columns: {
      id: ['id', 'id'],
      tenant_id: ['tenant', 'text'],
      blob_key: ['blob_key', 'text'],
      filename: ['filename', 'text'],
      filename_folded: ['filename_folded', 'text'],
      mime_type: ['mime_type', 'text'],
      purpose: ['purpose', 'text'],
      metadata: ['metadata', 'json'],
      created_at: ['created_at', 'time'],
      expires_at: ['expires_at', 'time'],
    },
  },
  api_keys: {
    name: 'api_keys',
    key: 'id',
    rows: 'newest',
    columns: {
      id: ['id', 'id'],
      tenant_id: ['tenant', 'text'],
      name: ['label', 'text'],
      prefix: ['secret_prefix', 'text'],
      key_hash: ['hash', 'bytes'],
      scopes: ['scopes', 'json'],
      limits: ['limits', 'json'],
      policy: ['policy', 'json'],
      version: ['version', 'number'],
      created_at: ['created_at', 'time'],
      expires_at: ['expires_at', 'time'],
      rotated_at: ['rotated_at', 'time'],
      revoked_at: ['revoked_at', 'time'],
      last_used_at: ['last_used_at', 'time'],
    },
  },
  audit_log: {
    name: 'audit_log',
    key: 'id',
    rows: 'append',
    columns: {
      id: ['id', 'id'],
      tenant_id: ['tenant', 'text'],
      subject: ['subject', 'text'],
      request_id: ['request_id', 'text'],
      action: ['action', 'text'],
      target: ['target', 'text'],
      details: ['details', 'json'],
      created_at: ['at', 'time'],
    },
  },
} as const satisfies Record<OutboxTable, SentTable>

/** What is known of a table. */
export function sentTable(table: OutboxTable): SentTable {
  return SENT_TABLES[table]
}
