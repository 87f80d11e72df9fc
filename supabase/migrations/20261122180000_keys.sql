-- API keys with their limits and policies, the log of what was done to them, and why each line of the ledger was spent.

alter table public.api_keys add column if not exists limits jsonb not null default '[]';
alter table public.api_keys add column if not exists policy jsonb;
alter table public.api_keys add column if not exists rotated_at timestamptz;

-- Why the attempt was made: retry, fallback or hedge; empty for the first one, and when nobody was asked.
alter table public.usage_ledger add column if not exists cause text not null default '';

-- What administrators did. Appended only; never a secret in it.
create table if not exists public.audit_log (
  id uuid primary key,
  -- Who did it.
  tenant_id text not null,
  subject text not null default '',
  request_id text not null default '',
  -- Such as 'key.create', 'key.rotate', 'key.revoke' or 'circuit.set'.
  action text not null,
  -- What it was done to, such as the id of the key.
  target text not null default '',
  details jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index if not exists audit_log_target on public.audit_log (target, id);

-- A key may be changed on several machines before they hear of one another. The higher version wins, as everywhere; but a
-- revocation is never undone by another change, and a later use never by an earlier one.
create or replace function public.keep_newest_key() returns trigger
language plpgsql set search_path = ''
as $$
declare
  kept public.api_keys;
begin
  if new.version > old.version then
    kept := new;
  else
    kept := old;
  end if;
  kept.revoked_at := least(old.revoked_at, new.revoked_at);
  kept.last_used_at := greatest(old.last_used_at, new.last_used_at);
  if kept is not distinct from old then
    return null;
  end if;
  return kept;
end $$;

do $$
begin
  if exists (
    select from pg_trigger
    where tgrelid = 'public.api_keys'::regclass and tgname = 'keep_newest'
      and tgfoid <> 'public.keep_newest_key'::regproc
  ) then
    drop trigger keep_newest on public.api_keys;
    create trigger keep_newest before update on public.api_keys
      for each row execute function public.keep_newest_key();
  end if;
end $$;

-- Notes when keys were accepted: an array of {id, at}. What is noted to the minute already stays.
create or replace function public.touch_keys(uses jsonb) returns void
language sql set search_path = ''
as $$
  update public.api_keys keys
  set last_used_at = used.at
  from jsonb_to_recordset(uses) as used (id uuid, at timestamptz)
  where keys.id = used.id and (keys.last_used_at is null or keys.last_used_at <= used.at - interval '1 minute')
$$;

-- As before, but a caller without a key belongs to none: its subject is not the id of one.
create or replace function public.usage_sums(asked jsonb) returns table (
  day text, model text, provider text, key text, tenant text,
  requests bigint, errors bigint,
  input_tokens text, cached_input_tokens text, cache_write_tokens text, output_tokens text, reasoning_tokens text,
  nano_usd text, unknown_cost bigint, estimated bigint
)
language sql stable set search_path = ''
as $$
  with lines as (
    select
      ledger.*,
      case when asked -> 'group_by' ? 'day' then to_char(ended_at at time zone 'UTC', 'YYYY-MM-DD') else '' end as by_day,
      case when asked -> 'group_by' ? 'model' then ledger.model else '' end as by_model,
      case when asked -> 'group_by' ? 'provider' then ledger.provider else '' end as by_provider,
      case when asked -> 'group_by' ? 'key' and left(subject, 4) = 'key_' then subject else '' end as by_key,
      case when asked -> 'group_by' ? 'tenant' then tenant_id else '' end as by_tenant
    from public.usage_ledger ledger
    where ended_at >= (asked ->> 'from')::timestamptz
      and ended_at < (asked ->> 'until')::timestamptz
      -- An id is made while its call runs: the months that ended well before need not be looked at.
      and id >= public.uuid7_floor(greatest((asked ->> 'from')::timestamptz - interval '1 day', 'epoch'))
      and (not asked ? 'tenant' or tenant_id = asked ->> 'tenant')
      and (asked -> 'models' = '[]' or asked -> 'models' ? ledger.model)
      and (asked -> 'providers' = '[]' or asked -> 'providers' ? ledger.provider)
      and (asked -> 'keys' = '[]' or asked -> 'keys' ? subject)
  )
  select
    by_day, by_model, by_provider, by_key, by_tenant,
    count(distinct response_id),
    count(distinct response_id) filter (where outcome <> 'completed'),
    sum(lines.input_tokens)::text,
    sum(lines.cached_input_tokens)::text,
    sum(lines.cache_write_tokens)::text,
    sum(lines.output_tokens)::text,
    sum(lines.reasoning_tokens)::text,
    coalesce(sum(lines.nano_usd) filter (where cost_known), 0)::text,
    count(distinct response_id) filter (where not cost_known),
    count(distinct response_id) filter (where provenance in (2, 3))
  from lines
  group by by_day, by_model, by_provider, by_key, by_tenant
  order by
    by_day collate "C" desc,
    coalesce(sum(lines.nano_usd) filter (where cost_known), 0) desc,
    by_model collate "C", by_provider collate "C", by_key collate "C", by_tenant collate "C"
  limit (asked ->> 'page_size')::bigint
  offset (asked ->> 'skip')::bigint
$$;

-- The log stays with the service, as the keys do, and so does what notes their use.
do $$
declare
  routine regprocedure;
  role_name name;
begin
  if not (select relrowsecurity from pg_class where oid = 'public.audit_log'::regclass) then
    alter table public.audit_log enable row level security;
  end if;
  revoke all on public.audit_log from public;
  for role_name in select rolname from pg_roles where rolname in ('anon', 'authenticated') loop
    execute format('revoke all on public.audit_log from %I', role_name);
  end loop;
  if exists (select from pg_roles where rolname = 'service_role') then
    grant select, insert, update, delete on public.audit_log to service_role;
  end if;
  for routine in
    select proc.oid::regprocedure
    from pg_proc proc
    where proc.pronamespace = 'public'::regnamespace
      and proc.proname in ('keep_newest_key', 'touch_keys', 'usage_sums')
  loop
    execute format('revoke all on function %s from public', routine);
    for role_name in select rolname from pg_roles where rolname in ('anon', 'authenticated') loop
      execute format('revoke all on function %s from %I', routine, role_name);
    end loop;
    if exists (select from pg_roles where rolname = 'service_role') then
      execute format('grant execute on function %s to service_role', routine);
    end if;
  end loop;
end $$;
