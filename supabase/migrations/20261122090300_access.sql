-- Who may do what: the service, with the secret key, everything; a token with the claim tenant_id may read what belongs to
-- its tenant; everybody else nothing at all.

-- The roles are Supabase's own; a plain Postgres has none of them, and then there is nobody to let in or keep out.
do $$
declare
  relation regclass;
  routine regprocedure;
  role_name name;
begin
  for relation in
    select class.oid::regclass
    from pg_class class
    where class.relkind in ('r', 'p')
      and (
        class.relnamespace = 'part'::regnamespace
        or class.oid in (
          'public.tenants'::regclass, 'public.api_keys'::regclass, 'public.conversations'::regclass,
          'public.messages'::regclass, 'public.file_blobs'::regclass, 'public.files'::regclass,
          'public.provider_files'::regclass, 'public.usage_ledger'::regclass, 'public.usage_daily'::regclass,
          'public.events'::regclass
        )
      )
  loop
    if not (select relrowsecurity from pg_class where oid = relation) then
      execute format('alter table %s enable row level security', relation);
    end if;
    execute format('revoke all on %s from public', relation);
    for role_name in select rolname from pg_roles where rolname in ('anon', 'authenticated') loop
      execute format('revoke all on %s from %I', relation, role_name);
    end loop;
    -- The months are reached through their parent only.
    if exists (select from pg_roles where rolname = 'service_role')
      and (select relnamespace from pg_class where oid = relation) = 'public'::regnamespace
    then
      execute format('grant select, insert, update, delete on %s to service_role', relation);
    end if;
  end loop;

  for routine in
    select proc.oid::regprocedure
    from pg_proc proc
    where proc.pronamespace = 'public'::regnamespace
      and proc.proname in (
        'uuid7_floor', 'make_partitions', 'drop_partitions', 'rows_without_month', 'keep_newest', 'rollup_usage',
        'usage_sums'
      )
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

-- A tenant sees its own rows and changes none. Keys, copies at providers and the list of tenants stay with the service.
do $$
declare
  name text;
begin
  foreach name in array array[
    'conversations', 'messages', 'file_blobs', 'files', 'usage_ledger', 'usage_daily', 'events'
  ] loop
    if not exists (
      select from pg_policies where schemaname = 'public' and tablename = name and policyname = 'tenant_read'
    ) then
      -- The sub-select is computed once for a statement, not once for each row.
      execute format(
        $policy$
          create policy tenant_read on public.%I for select using (
            tenant_id = (
              select nullif(nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id', '')
            )
          )
        $policy$,
        name
      );
    end if;
    if exists (select from pg_roles where rolname = 'authenticated') then
      execute format('grant select on public.%I to authenticated', name);
    end if;
  end loop;
end $$;
