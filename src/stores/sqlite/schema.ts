// The tables, as numbered steps from an empty file to today's; a step that was released is never changed again.
import { GatewayError } from '../../core/errors.ts'
import type { Database } from './driver.ts'

// Ids are text, times are milliseconds since the Unix epoch, money is whole nano-dollars.
/** The steps from an empty file, the oldest first. */
export const STEPS: readonly string[] = [
  `
  CREATE TABLE ledger (
    id TEXT PRIMARY KEY,
    response_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    conversation_id TEXT,
    requested_model TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    key_label TEXT NOT NULL,
    -- How the whole call ended: completed, failed or cancelled, and why.
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    -- The number of exai.v1.Usage.Provenance; 0: nothing was used.
    provenance INTEGER NOT NULL,
    nano_usd INTEGER NOT NULL,
    cost_known INTEGER NOT NULL,
    price_version TEXT NOT NULL,
    -- The lines of the cost as canonical JSON of exai.v1.Cost.
    cost TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX ledger_ended ON ledger (ended_at);
  CREATE INDEX ledger_tenant ON ledger (tenant, ended_at);

  CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER,
    -- Deleted ones stay for as long as a call that still knows them may run.
    deleted_at INTEGER,
    last_place INTEGER NOT NULL,
    message_count INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    version INTEGER NOT NULL,
    -- The standing instructions, a JSON array.
    system TEXT NOT NULL
  ) STRICT;
  CREATE INDEX conversations_tenant ON conversations (tenant, id DESC) WHERE deleted_at IS NULL;
  CREATE INDEX conversations_expiry ON conversations (expires_at) WHERE expires_at IS NOT NULL AND deleted_at IS NULL;
  CREATE INDEX conversations_deleted ON conversations (deleted_at) WHERE deleted_at IS NOT NULL;

  CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    place INTEGER NOT NULL,
    role TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    response_id TEXT NOT NULL,
    json TEXT NOT NULL
  ) STRICT;
  CREATE INDEX messages_place ON messages (conversation_id, place, id);

  CREATE TABLE marks (
    response_id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    owner TEXT NOT NULL,
    -- NULL while the call runs.
    body BLOB,
    expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX marks_key ON marks (tenant, key) WHERE key <> '';
  CREATE INDEX marks_expiry ON marks (expires_at);

  CREATE TABLE blobs (
    key TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    mime_type TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Since when no file needs it.
    due_at INTEGER,
    text_state TEXT NOT NULL,
    text_tokens INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX blobs_content ON blobs (tenant, sha256) WHERE due_at IS NULL;
  CREATE INDEX blobs_due ON blobs (due_at) WHERE due_at IS NOT NULL;
  CREATE INDEX blobs_unread ON blobs (created_at) WHERE text_state = 'pending' AND due_at IS NULL;
  CREATE TABLE blob_texts (
    blob_key TEXT PRIMARY KEY REFERENCES blobs (key) ON DELETE CASCADE,
    text TEXT NOT NULL
  ) STRICT;

  CREATE TABLE files (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    blob_key TEXT NOT NULL REFERENCES blobs (key),
    filename TEXT NOT NULL,
    -- In lower case: SQLite itself folds ASCII only.
    filename_folded TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    purpose TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
  ) STRICT;
  CREATE INDEX files_tenant ON files (tenant, id DESC);
  CREATE INDEX files_blob ON files (blob_key);
  CREATE INDEX files_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;

  -- A sum over all blobs of a tenant would be read at every upload.
  CREATE TABLE tenant_bytes (tenant TEXT PRIMARY KEY, bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TRIGGER blobs_added AFTER INSERT ON blobs BEGIN
    INSERT INTO tenant_bytes VALUES (NEW.tenant, NEW.size_bytes)
      ON CONFLICT (tenant) DO UPDATE SET bytes = bytes + excluded.bytes;
  END;
  CREATE TRIGGER blobs_due_set AFTER UPDATE OF due_at ON blobs WHEN OLD.due_at IS NULL AND NEW.due_at IS NOT NULL BEGIN
    UPDATE tenant_bytes SET bytes = bytes - OLD.size_bytes WHERE tenant = OLD.tenant;
  END;

  CREATE TABLE copies (
    blob_key TEXT NOT NULL REFERENCES blobs (key),
    provider TEXT NOT NULL,
    account TEXT NOT NULL,
    -- NULL while it is being made.
    remote_id TEXT,
    leased_until INTEGER NOT NULL,
    expires_at INTEGER,
    PRIMARY KEY (blob_key, provider, account)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    table_name TEXT NOT NULL,
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  -- What waits to be removed elsewhere must not be read from there.
  CREATE INDEX outbox_conversations ON outbox (id) WHERE table_name = 'conversations';
  CREATE INDEX outbox_files ON outbox (id) WHERE table_name = 'files';
  -- One row: whether the outbox was in use when the store was last open.
  CREATE TABLE outbox_use (id INTEGER PRIMARY KEY CHECK (id = 1), in_use INTEGER NOT NULL) STRICT;
  INSERT INTO outbox_use VALUES (1, 1);
  CREATE TABLE outbox_dead (
    sequence INTEGER PRIMARY KEY,
    table_name TEXT NOT NULL,
    id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    reason TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- Why lines of the ledger were spent, where it was not the first attempt: retry, fallback or hedge. A table of its own,
  -- because a process of the version before may still be writing lines when this step is taken.
  CREATE TABLE ledger_causes (id TEXT PRIMARY KEY, cause TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    label TEXT NOT NULL,
    -- JSON array.
    scopes TEXT NOT NULL,
    -- HMAC-SHA256 of the secret under the service's pepper.
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    secret_prefix TEXT NOT NULL,
    -- JSON array and JSON object as core has them.
    limits TEXT NOT NULL,
    policy TEXT,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    rotated_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
  CREATE INDEX api_keys_tenant ON api_keys (tenant, id DESC);

  -- Appended only.
  CREATE TABLE audit_log (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    -- JSON object of texts.
    details TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_log_target ON audit_log (target, id);
  `,
]

/** The schema that this version of the service knows. */
export const SCHEMA_VERSION = STEPS.length

/** Brings a database to today's schema. Throws, and changes nothing, when it was written by a newer version of the service. */
export function migrate(database: Database): void {
  if (versionOf(database) === SCHEMA_VERSION) return
  database.exec('BEGIN IMMEDIATE')
  try {
    // Read again: another process may have been faster.
    const version = versionOf(database)
    if (version > SCHEMA_VERSION) throw new GatewayError('INTERNAL', newer(version))
    for (const step of STEPS.slice(version)) database.exec(step)
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
    database.exec('COMMIT')
  } catch (error) {
    if (database.inTransaction()) database.exec('ROLLBACK')
    throw error
  }
}

function newer(version: number): string {
  return `the database has schema ${version} and this version of exai knows up to ${SCHEMA_VERSION}: start the version that wrote it, or choose another DATA_DIR`
}

function versionOf(database: Database): number {
  return Number(database.get('PRAGMA user_version')?.['user_version'])
}
