-- The bucket for the bytes of files, and who may read it. A Postgres without Supabase's storage has nothing to set up here.

-- The first folder of a tenant's objects: its own name if that can be part of a key, else a hash of it. Storage takes only
-- few letters in keys, and a slash in a tenant's name must not lead into another tenant's folder.
create or replace function public.tenant_folder(tenant text) returns text
language sql immutable strict parallel safe set search_path = ''
as $$
  select case
    when tenant ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' then tenant
    else 't-' || encode(sha256(convert_to(tenant, 'UTF8')), 'hex')
  end
$$;

do $$
begin
  revoke all on function public.tenant_folder(text) from public;
  if exists (select from pg_roles where rolname = 'anon') then
    revoke all on function public.tenant_folder(text) from anon;
  end if;
  -- The policy below runs as the role that asks.
  if exists (select from pg_roles where rolname = 'authenticated') then
    grant execute on function public.tenant_folder(text) to authenticated;
  end if;
  if exists (select from pg_roles where rolname = 'service_role') then
    grant execute on function public.tenant_folder(text) to service_role;
  end if;

  if to_regclass('storage.buckets') is null or to_regclass('storage.objects') is null then
    return;
  end if;

  -- Without a limit of its own the project's limit for one object holds.
  insert into storage.buckets (id, name, public)
  values ('files', 'files', false)
  on conflict (id) do nothing;

  if not exists (
    select from pg_policies where schemaname = 'storage' and tablename = 'objects' and policyname = 'exai_tenant_read'
  ) then
    create policy exai_tenant_read on storage.objects for select to authenticated using (
      bucket_id = 'files'
      and (storage.foldername(name))[1] = (
        select public.tenant_folder(
          nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id'
        )
      )
    );
  end if;
end $$;
