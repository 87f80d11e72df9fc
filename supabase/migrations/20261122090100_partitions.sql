-- What only grows is cut by months: a month is dropped at once instead of row by row, and an id says where its row lies.

-- The months live where the API does not look: rights and policies of the parent do not guard a child that is asked directly.
create schema if not exists part;

-- Takes what belongs to no month yet, so that no row is ever refused for its time.
create table if not exists part.messages_rest partition of public.messages default;
create table if not exists part.usage_ledger_rest partition of public.usage_ledger default;
create table if not exists part.events_rest partition of public.events default;

-- Makes the partitions of last month, this one and so many to come, for each table that has them; rows that waited in the
-- rest for such a month move into it. Gives the number of partitions made: 0 when all are there. Run it once a day.
create or replace function public.make_partitions(months_ahead integer default 3) returns integer
language plpgsql security definer set search_path = ''
as $$
declare
  parent text;
  child text;
  month timestamp;
  lower_id uuid;
  upper_id uuid;
  made integer := 0;
begin
  -- Two services may have the same idea.
  perform pg_catalog.pg_advisory_xact_lock(7219604231);
  foreach parent in array array['messages', 'usage_ledger', 'events'] loop
    for ahead in -1 .. least(months_ahead, 24) loop
      month := date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead);
      child := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
      continue when to_regclass(format('part.%I', child)) is not null;
      lower_id := public.uuid7_floor(month at time zone 'UTC');
      upper_id := public.uuid7_floor((month + interval '1 month') at time zone 'UTC');
      execute format('create table part.%I (like public.%I including all)', child, parent);
      execute format('alter table part.%I enable row level security', child);
      -- Nothing here is ever updated: only what was inserted since the last time counts for the vacuum.
      execute format('alter table part.%I set (autovacuum_vacuum_insert_scale_factor = 0.02)', child);
      -- Nobody may write between the move and the attachment.
      execute format('lock table part.%I in access exclusive mode', parent || '_rest');
      execute format(
        'with moved as (delete from part.%I where id >= %L and id < %L returning *) insert into part.%I select * from moved',
        parent || '_rest', lower_id, upper_id, child
      );
      execute format(
        'alter table public.%I attach partition part.%I for values from (%L) to (%L)',
        parent, child, lower_id, upper_id
      );
      made := made + 1;
    end loop;
  end loop;
  return made;
end $$;

-- Drops the months of one table that ended before a moment. Gives their names. What lies in the rest stays.
create or replace function public.drop_partitions(parent text, before timestamptz) returns text[]
language plpgsql security definer set search_path = ''
as $$
declare
  child text;
  dropped text[] := '{}';
begin
  if parent not in ('messages', 'usage_ledger', 'events') then
    raise exception 'no partitions are kept for %', parent using errcode = '22023';
  end if;
  perform pg_catalog.pg_advisory_xact_lock(7219604231);
  for child in
    select relation.relname
    from pg_catalog.pg_inherits link
    join pg_catalog.pg_class relation on relation.oid = link.inhrelid
    where link.inhparent = format('public.%I', parent)::regclass
      and relation.relname ~ ('^' || parent || '_\d{4}_\d\d$')
      and to_date(right(relation.relname, 7), 'YYYY_MM') + interval '1 month' <= before at time zone 'UTC'
    order by relation.relname
  loop
    execute format('drop table part.%I', child);
    dropped := dropped || child;
  end loop;
  return dropped;
end $$;

-- How many rows lie outside of every month, by table. Above 0 means that make_partitions did not run, or a clock is wrong.
create or replace function public.rows_without_month() returns table (parent text, waiting bigint)
language sql stable security definer set search_path = ''
as $$
  select 'messages', count(*) from part.messages_rest
  union all select 'usage_ledger', count(*) from part.usage_ledger_rest
  union all select 'events', count(*) from part.events_rest
$$;

select public.make_partitions(3);
