-- How rows change: nothing older replaces anything newer, and the days are added up from the ledger, as often as one likes.

-- Drops an update that is not newer than the row: what was sent twice, or overtaken on its way, changes nothing.
create or replace function public.keep_newest() returns trigger
language plpgsql set search_path = ''
as $$
begin
  if new.version <= old.version then
    return null;
  end if;
  return new;
end $$;

do $$
declare
  name text;
begin
  foreach name in array array['tenants', 'api_keys', 'conversations', 'file_blobs', 'files', 'provider_files'] loop
    if not exists (
      select from pg_trigger where tgrelid = format('public.%I', name)::regclass and tgname = 'keep_newest'
    ) then
      execute format(
        'create trigger keep_newest before update on public.%I for each row execute function public.keep_newest()', name
      );
    end if;
  end loop;
end $$;

-- Adds the ledger up by days (UTC), from the first to the last, both included. Gives the number of rows. It computes the
-- days anew, so running it again, or for days that had already been counted, is right.
create or replace function public.rollup_usage(from_day date, to_day date) returns bigint
language plpgsql security definer set search_path = ''
as $$
declare
  written bigint;
begin
  -- Otherwise a second one, which began before this one is done, would insert the same days.
  perform pg_catalog.pg_advisory_xact_lock(7219604232);
  delete from public.usage_daily where day between from_day and to_day;
  insert into public.usage_daily
  select
    tenant_id,
    (ended_at at time zone 'UTC')::date,
    provider,
    model,
    subject,
    count(distinct response_id),
    count(distinct response_id) filter (where outcome <> 'completed'),
    sum(input_tokens),
    sum(cached_input_tokens),
    sum(cache_write_tokens),
    sum(output_tokens),
    sum(reasoning_tokens),
    coalesce(sum(nano_usd) filter (where cost_known), 0),
    count(distinct response_id) filter (where not cost_known),
    count(distinct response_id) filter (where provenance in (2, 3))
  from public.usage_ledger
  where (ended_at at time zone 'UTC')::date between from_day and to_day
    -- An id is made while its call runs, give or take a clock: this only spares the other months.
    and id >= public.uuid7_floor((from_day - 1)::timestamp at time zone 'UTC')
    and id < public.uuid7_floor((to_day + 2)::timestamp at time zone 'UTC')
  group by 1, 2, 3, 4, 5;
  get diagnostics written = row_count;
  return written;
end $$;

-- Adds the ledger up by any of day, model, provider, key and tenant, for what is asked: group_by, from, until (ISO 8601),
-- models, providers, keys (empty: all), tenant (absent: all), page_size, skip. What may be beyond 2^53 comes as text.
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
      case when asked -> 'group_by' ? 'key' then subject else '' end as by_key,
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
