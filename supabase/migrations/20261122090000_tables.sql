-- What the service keeps: tenants and keys, conversations, files, what was used, what happened. Every statement of these
-- migrations can run again without changing anything.
--
-- Ids are UUIDv7 and made by the service, never here. A tenant is named by text ('default', 'sub:…', a token's claim).
-- Rows arrive behind the calls that made them, several at once, some of them twice: so no table refers to another one by a
-- foreign key, what is appended is inserted `on conflict do nothing`, and what changes carries a version that only rises.
-- Checks are few: a row that breaks one is never taken, so they only stop what would spoil other rows.

-- The smallest UUIDv7 of a moment: the ids of one month lie between two of these.
create or replace function public.uuid7_floor(moment timestamptz) returns uuid
language sql immutable strict parallel safe set search_path = ''
as $$
  select (lpad(to_hex(floor(extract(epoch from moment) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid
$$;

create table if not exists public.tenants (
  id text primary key,
  name text not null default '',
  plan text not null default '',
  status text not null default 'active',
  limits jsonb not null default '{}',
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists public.api_keys (
  id uuid primary key,
  tenant_id text not null,
  name text not null default '',
  -- The beginning of the key, to recognise it by; never enough to use it.
  prefix text not null,
  -- HMAC-SHA256 of the key under the service's pepper.
  key_hash bytea not null unique check (octet_length(key_hash) = 32),
  scopes text[] not null default '{}',
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  last_used_at timestamptz
);
create index if not exists api_keys_tenant on public.api_keys (tenant_id, id desc);

create table if not exists public.conversations (
  id uuid primary key,
  tenant_id text not null,
  end_user text not null default '',
  title text not null default '',
  metadata jsonb not null default '{}',
  -- The standing instructions, an array of messages; text for the reason told at the messages.
  system text not null default '[]',
  message_count bigint not null default 0,
  -- The place of the last message.
  last_place bigint not null default 0,
  -- Who answered last.
  provider text not null default '',
  model text not null default '',
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  expires_at timestamptz,
  deleted_at timestamptz
);
create index if not exists conversations_tenant on public.conversations (tenant_id, id desc) where deleted_at is null;
create index if not exists conversations_end_user on public.conversations (tenant_id, end_user, id desc);
create index if not exists conversations_expiry on public.conversations (expires_at) where expires_at is not null;

-- Appended only. The content is text and neither json nor jsonb: it comes back letter by letter, and those two refuse what
-- a message may well hold, such as \u0000. Where it is needed as JSON, content::jsonb says so.
create table if not exists public.messages (
  id uuid primary key,
  tenant_id text not null,
  conversation_id uuid not null,
  -- Place in the conversation, rising, not always by one.
  place bigint not null,
  role text not null,
  -- The whole message as the contract's canonical JSON.
  content text not null,
  -- What it takes in a prompt, estimated.
  tokens bigint not null default 0,
  -- The call that it belongs to.
  response_id uuid,
  created_at timestamptz not null default now()
) partition by range (id);
create index if not exists messages_conversation on public.messages (conversation_id, place, id);
create index if not exists messages_tenant on public.messages (tenant_id, id);

-- The bytes of files: one row for each content of a tenant, however many files have it. Never shared between tenants. The
-- key has the hash in it and something of its own: bytes that are being deleted and the same bytes, come again, are two rows.
create table if not exists public.file_blobs (
  blob_key text primary key,
  tenant_id text not null,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  size_bytes bigint not null check (size_bytes >= 0),
  mime_type text not null default '',
  -- How far the text in it has been read, and what that takes in a prompt.
  text_state text not null default '',
  text_tokens bigint not null default 0,
  bucket text not null default 'files',
  object_path text not null default '',
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  -- Since when no file needs the bytes.
  due_at timestamptz
);
create index if not exists file_blobs_content on public.file_blobs (tenant_id, sha256);

create table if not exists public.files (
  id uuid primary key,
  tenant_id text not null,
  blob_key text not null,
  -- As the user named it, any letters; the object in the bucket has a name of its own.
  filename text not null,
  -- In lower case as the service does it, for searches.
  filename_folded text not null default '',
  mime_type text not null default '',
  purpose text not null default '',
  metadata jsonb not null default '{}',
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  deleted_at timestamptz
);
create index if not exists files_tenant on public.files (tenant_id, id desc) where deleted_at is null;
create index if not exists files_blob on public.files (blob_key);
create index if not exists files_expiry on public.files (expires_at) where expires_at is not null and deleted_at is null;

-- Copies of bytes that a provider keeps for us, by account: a copy belongs to the key that uploaded it.
create table if not exists public.provider_files (
  blob_key text not null,
  provider text not null,
  account text not null,
  tenant_id text not null,
  provider_file_id text not null default '',
  state text not null default 'ready',
  version bigint not null default 1,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  primary key (blob_key, provider, account)
);
create index if not exists provider_files_expiry on public.provider_files (expires_at) where expires_at is not null;

-- One row for each attempt that may be billed. Appended only. Money is whole billionths of a US dollar.
create table if not exists public.usage_ledger (
  id uuid primary key,
  tenant_id text not null,
  -- Who in the tenant made the call: a key or a token's subject; empty without authentication.
  subject text not null default '',
  request_id text not null default '',
  response_id uuid not null,
  conversation_id uuid,
  requested_model text not null default '',
  provider text not null default '',
  model text not null default '',
  -- Which of the provider's keys was used.
  key_label text not null default '',
  -- How the whole call ended: 'completed', 'failed' or 'cancelled', and why.
  outcome text not null default '',
  reason text not null default '',
  input_tokens bigint not null default 0,
  cached_input_tokens bigint not null default 0,
  cache_write_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  reasoning_tokens bigint not null default 0,
  -- The number of exai.v1.Usage.Provenance: 1 the provider reported it; 2 and 3 not, or not finally; 0 nothing was used.
  provenance smallint not null default 0,
  -- Means nothing unless the cost is known; unknown is not the same as 0.
  nano_usd bigint not null default 0,
  cost_known boolean not null default false,
  price_version text not null default '',
  -- The lines of the cost as canonical JSON of exai.v1.Cost.
  cost jsonb,
  started_at timestamptz not null default now(),
  ended_at timestamptz not null default now()
) partition by range (id);
create index if not exists usage_ledger_tenant on public.usage_ledger (tenant_id, id);

-- The ledger by days (UTC) on which calls ended, made by rollup_usage and by nothing else. A call counts once in each row
-- that it has lines for.
create table if not exists public.usage_daily (
  tenant_id text not null,
  day date not null,
  provider text not null,
  model text not null,
  subject text not null,
  requests bigint not null,
  errors bigint not null,
  input_tokens bigint not null,
  cached_input_tokens bigint not null,
  cache_write_tokens bigint not null,
  output_tokens bigint not null,
  reasoning_tokens bigint not null,
  nano_usd bigint not null,
  -- Calls whose cost is not known, or not whole, and is missing in the sum.
  unknown_cost bigint not null,
  -- Calls whose tokens were not, or not finally, reported by the provider.
  estimated bigint not null,
  primary key (tenant_id, day, provider, model, subject)
);
create index if not exists usage_daily_day on public.usage_daily (day);

-- What happened. Appended only; the first thing that is given up when there is too much of it.
create table if not exists public.events (
  id uuid primary key,
  -- Null when it concerns everybody.
  tenant_id text,
  kind text not null,
  severity text not null default 'info',
  data jsonb not null default '{}',
  created_at timestamptz not null default now()
) partition by range (id);
create index if not exists events_kind on public.events (kind, id);
create index if not exists events_tenant on public.events (tenant_id, id);

-- lz4 costs a fraction of pglz's time; a Postgres that was built without it keeps its own.
do $$
begin
  if not exists (
    select from pg_attribute
    where attrelid = 'public.messages'::regclass and attname = 'content' and attcompression = 'l'
  ) then
    alter table public.messages alter column content set compression lz4;
  end if;
exception when feature_not_supported or invalid_parameter_value then
  null;
end $$;
