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
