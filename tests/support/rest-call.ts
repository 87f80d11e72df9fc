// One request to a project's database API, as any HTTP client would make it.
import type { SupabaseRig } from './supabase-rig.ts'

/** What is asked beside the path. */
export type RestAsk = {
  readonly method?: string
  readonly body?: unknown
  /** Instead of the service's key: the token of a user. */
  readonly token?: string
  /** Instead of the service's key: another key of the project. */
  readonly key?: string
  readonly prefer?: string
}

/** What came back; the body as JSON, or undefined when there is none. */
export type RestAnswer = { readonly status: number; readonly body: unknown }

/** Asks PostgREST through the project's front; the path is what follows `/rest/v1/`. */
export async function restCall(rig: SupabaseRig, path: string, ask: RestAsk = {}): Promise<RestAnswer> {
  const { method = 'GET', body, token, key = rig.key, prefer } = ask
  const response = await fetch(`${rig.url}/rest/v1/${path}`, {
    method,
    headers: {
      apikey: key,
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(prefer !== undefined && { prefer }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
}
