// Who a call is made for.
import type { Limit, Policy } from './limits.ts'

/** Every scope, in the order in which they are told. */
export const SCOPES = ['chat', 'files', 'monitoring', 'admin'] as const

/** What a credential may do; `admin` may do everything. */
export type Scope = (typeof SCOPES)[number]

/** Who makes a call: every row, recording, limit and event carries its tenant. */
export interface Caller {
  readonly tenant: string
  /** Who in the tenant: a key id, a token's subject, or empty. */
  readonly subject: string
  readonly scopes: readonly Scope[]
  /** The API key that the call is made with. Absent: none. */
  readonly key?: { readonly id: string; readonly label: string } | undefined
  /** The limits of the key, beside those of its tenant. Absent: none. */
  readonly limits?: readonly Limit[] | undefined
  /** What the key may ask for. Absent: no restriction of its own. */
  readonly policy?: Policy | undefined
}

/** The caller of a service without authentication: the tenant `default` with all scopes. */
export const DEFAULT_CALLER: Caller = {
  tenant: 'default',
  subject: '',
  scopes: SCOPES,
}

/** Whether a caller may do what needs a scope. */
export function hasScope({ scopes }: Pick<Caller, 'scopes'>, scope: Scope): boolean {
  return scopes.includes(scope) || scopes.includes('admin')
}
