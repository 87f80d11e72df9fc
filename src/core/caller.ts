// Who a call is made for.

/** What a credential may do. */
export type Scope = 'chat' | 'files' | 'monitoring' | 'admin'

/** Who makes a call: every row, recording, limit and event carries its tenant. */
export interface Caller {
  readonly tenant: string
  /** Who in the tenant: a key id, a token's subject, or empty. */
  readonly subject: string
  readonly scopes: readonly Scope[]
}

/** The caller of a service without authentication: the tenant `default` with all scopes. */
export const DEFAULT_CALLER: Caller = {
  tenant: 'default',
  subject: '',
  scopes: ['chat', 'files', 'monitoring', 'admin'],
}
