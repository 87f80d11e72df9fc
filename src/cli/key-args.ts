// The arguments of `exai keys`, made into the messages of AccessService.
import { parseArgs } from 'node:util'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import {
  type CreateKeyRequest,
  CreateKeyRequestSchema,
  type ListKeysRequest,
  ListKeysRequestSchema,
} from '#gen/exai/v1/access_service_pb'
import { Limit_Kind, type LimitSchema, Limit_OutagePolicy as Outage } from '#gen/exai/v1/key_pb'
import { GatewayError } from '../core/errors.ts'
import { KINDS, OUTAGES, SCOPES, STATES } from './key-words.ts'
import { spanOf } from './spans.ts'

/** What shall be done. */
export type KeyTask =
  | { readonly type: 'create'; readonly request: CreateKeyRequest }
  | { readonly type: 'list'; readonly request: ListKeysRequest }
  | { readonly type: 'rotate' | 'revoke'; readonly keyId: string }

/** The task, and how it is done. */
export interface KeyArgs {
  readonly task: KeyTask
  readonly json: boolean
  /** Credential for the service. Absent: `EXAI_API_KEY`. */
  readonly credential: string | undefined
  /** Whether the store is to be worked on without asking a service. */
  readonly isDirect: boolean
}

const text = { type: 'string' } as const
const texts = { type: 'string', multiple: true } as const
const flag = { type: 'boolean', default: false } as const

const common = { json: flag, key: text, store: flag } as const
const creating = {
  ...common,
  label: text,
  tenant: text,
  scope: texts,
  ttl: text,
  expires: text,
  limit: texts,
  'allow-model': texts,
  'deny-model': texts,
  'allow-tool': texts,
  'deny-tool': texts,
  'max-prompt-tokens': text,
} as const

/** Reads the arguments after `keys`. Throws INVALID_REQUEST, or an error of Node for an unknown option, for people to read. */
export function keyArgs(args: readonly string[]): KeyArgs {
  const [action = '', ...rest] = args
  switch (action) {
    case 'create': {
      const { values } = parseArgs({ args: rest, options: creating })
      return { ...wayOf(values), task: { type: 'create', request: createRequest(values) } }
    }
    case 'list': {
      const { values } = parseArgs({ args: rest, options: { ...common, tenant: text, state: texts } })
      const states = words(values.state).map(word => named(STATES, '--state', word))
      const request = create(ListKeysRequestSchema, { tenant: values.tenant ?? '', states, pageSize: 500 })
      return { ...wayOf(values), task: { type: 'list', request } }
    }
    case 'rotate':
    case 'revoke': {
      const { values, positionals } = parseArgs({ args: rest, options: common, allowPositionals: true })
      const [keyId, ...others] = positionals
      if (keyId === undefined || others.length > 0) throw invalid(`keys ${action} wants the id of one key`)
      return { ...wayOf(values), task: { type: action, keyId } }
    }
    default:
      throw invalid('keys wants one of create, list, rotate and revoke')
  }
}

interface Way {
  readonly json: boolean
  readonly key?: string | undefined
  readonly store: boolean
}

function wayOf({ json, key, store }: Way): Omit<KeyArgs, 'task'> {
  return { json, credential: key, isDirect: store }
}

type Creating = ReturnType<typeof parseArgs<{ readonly options: typeof creating }>>['values']

function createRequest(values: Creating): CreateKeyRequest {
  const { label, ttl, expires } = values
  if (label === undefined) throw invalid('--label is required: the name that people will know the key by')
  const scopes = words(values.scope).map(word => named(SCOPES, '--scope', word))
  if (scopes.length === 0) throw invalid(`--scope is required: some of ${Object.keys(SCOPES).join(', ')}`)
  if (ttl !== undefined && expires !== undefined) throw invalid('--ttl and --expires exclude each other')
  const policy = {
    allowedModels: words(values['allow-model']),
    deniedModels: words(values['deny-model']),
    allowedTools: words(values['allow-tool']),
    deniedTools: words(values['deny-tool']),
    ...promptOf(values['max-prompt-tokens']),
  }
  const hasPolicy = Object.values(policy).some(value => !Array.isArray(value) || value.length > 0)
  return create(CreateKeyRequestSchema, {
    label,
    tenant: values.tenant ?? '',
    scopes,
    limits: (values.limit ?? []).map(limitOf),
    ...(hasPolicy ? { policy } : {}),
    ...(ttl === undefined ? {} : { expiration: { case: 'ttl', value: { seconds: ttlSeconds(ttl) } } }),
    ...(expires === undefined
      ? {}
      : { expiration: { case: 'expireTime', value: timestampFromMs(instantOf(expires)) } }),
  })
}

function ttlSeconds(ttl: string): bigint {
  return BigInt(spanOf('--ttl', ttl) / 1_000)
}

function instantOf(expires: string): number {
  const at = /^\d{4}-\d\d-\d\d(?:T.*)?$/.test(expires) ? Date.parse(expires) : Number.NaN
  if (Number.isNaN(at)) throw invalid('--expires must be a time such as 2027-01-31 or 2027-01-31T12:00:00Z')
  return at
}

function promptOf(tokens: string | undefined): { maxPromptTokens?: number } {
  if (tokens === undefined) return {}
  if (!/^[1-9]\d{0,8}$/.test(tokens)) throw invalid('--max-prompt-tokens must be a whole number above 0')
  return { maxPromptTokens: Number(tokens) }
}

const LIMIT_RULE =
  '--limit must be like requests_per_minute=60, tokens_per_minute=100000@openai/gpt-4o, day_budget=5usd or day_budget=5usd,deny'

// kind=value, then the model after an @, then the policy for an outage after a comma.
const LIMIT = /^([a-z_]+)=(\d{1,12}(?:\.\d{1,9})?)(usd)?(?:@([^,@]+))?(?:,([a-z]+))?$/

function limitOf(text: string): MessageInitShape<typeof LimitSchema> {
  const [, name = '', amount = '', usd, model = '', outage] = LIMIT.exec(text) ?? []
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined
  const isBudget = kind === Limit_Kind.DAY_BUDGET || kind === Limit_Kind.MONTH_BUDGET
  // A budget of 5 would be five billionths of a dollar, which nobody means.
  if (kind === undefined || isBudget !== (usd !== undefined)) throw invalid(LIMIT_RULE)
  if (!isBudget && amount.includes('.')) throw invalid(LIMIT_RULE)
  const [whole = '', fraction = ''] = amount.split('.')
  const value = isBudget ? BigInt(whole + fraction.padEnd(9, '0')) : BigInt(whole)
  const outagePolicy = outage === undefined ? Outage.UNSPECIFIED : named(OUTAGES, '--limit', outage)
  return { kind, value, model, outagePolicy }
}

/** Values of an option that may stand several times, and may hold several with commas between them. */
function words(values: readonly string[] | undefined): string[] {
  return (values ?? []).flatMap(value => value.split(',')).filter(word => word !== '')
}

function named<T>(table: Readonly<Record<string, T>>, option: string, word: string): T {
  const found = Object.hasOwn(table, word) ? table[word] : undefined
  if (found === undefined)
    throw invalid(
      `${option}: ${JSON.stringify(word.slice(0, 40))} is none of ${Object.keys(table).join(', ')}`,
    )
  return found
}

function invalid(message: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', message)
}
