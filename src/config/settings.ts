// The table of all settings: reading, `.env.example` and the table in docs/configuration.md are made from it.
import * as kinds from './kinds.ts'
import { telemetrySettings } from './telemetry-settings.ts'

/** One row. */
export interface Setting<T> {
  readonly group: SettingGroup
  readonly kind: kinds.Kind<T>
  /** Older and foreign names, which count when the setting's own name is not set; the first one set wins. */
  readonly aliases?: readonly string[]
  /** As it would stand in the environment. Without one, the setting is simply not there. */
  readonly default?: string
  readonly unit?: string
  /** One sentence, for people. */
  readonly about: string
  /** A value that must never be shown. */
  readonly secret?: true
}

/** The headings of the table, in order. */
export const settingGroups = ['Listening', 'Access', 'Providers', 'Time', 'Storage', 'Operation'] as const

/** A heading of the table. */
export type SettingGroup = (typeof settingGroups)[number]

const attemptSeconds = { min: 0.1, max: 3600 }
const tenYears = 315_360_000
const ttl = { group: 'Storage', kind: kinds.seconds({ min: 1, max: tenYears }), unit: 'seconds' } as const

/** Every setting, by the name of its environment variable. */
export const settings = {
  HOST: {
    group: 'Listening',
    kind: kinds.host,
    default: '127.0.0.1',
    about: 'Address to listen on; one that is not loopback needs authentication, or EXAI_AUTH=none.',
  },
  PORT: {
    group: 'Listening',
    kind: kinds.integer({ min: 0, max: 65_535 }),
    default: '8080',
    about: 'The one port for gRPC, gRPC-Web, Connect and plain HTTP; 0 takes any free one.',
  },
  TLS_CERT: {
    group: 'Listening',
    kind: kinds.path,
    about: 'PEM file with the certificate and its chain; together with TLS_KEY it turns TLS on.',
  },
  TLS_KEY: { group: 'Listening', kind: kinds.path, about: 'PEM file with the private key of TLS_CERT.' },
  CORS_ORIGINS: {
    group: 'Listening',
    kind: kinds.origins,
    about: 'Origins of the web pages that may call from a browser.',
  },
  MAX_REQUEST_BYTES: {
    group: 'Listening',
    kind: kinds.integer({ min: 1024, max: 64 * 1024 * 1024 }),
    default: String(4 * 1024 * 1024),
    unit: 'bytes',
    about: 'Largest request, after decompression.',
  },
  EXAI_AUTH: {
    group: 'Access',
    kind: kinds.oneOf(['none', 'key']),
    about: 'key: callers need an API key; a first one is made and shown once. none: all may do everything.',
  },
  JWT_SECRET: {
    group: 'Access',
    kind: kinds.secret,
    secret: true,
    about: 'Secret of HS256 tokens, at least 32 bytes; with it callers need a token or an API key.',
  },
  JWT_JWKS_URL: {
    group: 'Access',
    kind: kinds.keySetUrl,
    about: 'Where the keys of RS256, ES256 and EdDSA tokens are; with it callers need a token or an API key.',
  },
  JWT_ISSUER: {
    group: 'Access',
    kind: kinds.text,
    default: 'exai-mcp-server',
    about: 'The `iss` that tokens must have.',
  },
  JWT_AUDIENCE: {
    group: 'Access',
    kind: kinds.text,
    default: 'exai-mcp-client',
    about: 'The `aud` that tokens must have.',
  },
  KEY_PEPPER: {
    group: 'Access',
    kind: kinds.secret,
    secret: true,
    about: 'Secret in the hashes of API keys, the same on every replica; without it one is made in DATA_DIR.',
  },
  EXAI_API_KEY: {
    group: 'Access',
    kind: kinds.secret,
    secret: true,
    about: 'Credential with which the commands call a running service; the service itself does not use it.',
  },
  METRICS_PUBLIC: {
    group: 'Access',
    kind: kinds.boolean,
    default: '0',
    about: 'Whether /metrics answers to others than loopback.',
  },
  OPENAI_API_KEY: {
    group: 'Providers',
    kind: kinds.secrets,
    secret: true,
    about: 'Key of OpenAI, or several.',
  },
  OPENAI_BASE_URL: {
    group: 'Providers',
    kind: kinds.baseUrl,
    aliases: ['OPENAI_API_BASE'],
    default: 'https://api.openai.com/v1',
    about: 'Where OpenAI is; set it for a region or a proxy.',
  },
  OPENAI_ORG_ID: {
    group: 'Providers',
    kind: kinds.headerText,
    about: 'Organisation that OpenAI bills; needed only by keys that belong to several.',
  },
  OPENAI_PROJECT_ID: {
    group: 'Providers',
    kind: kinds.headerText,
    about: 'Project that OpenAI bills; needed only by keys that belong to several.',
  },
  GLM_API_KEY: {
    group: 'Providers',
    kind: kinds.secrets,
    secret: true,
    aliases: ['ZAI_API_KEY', 'ZHIPUAI_API_KEY', 'ZHIPU_API_KEY', 'Z_AI_API_KEY'],
    about: 'Key of GLM (Z.ai or BigModel), or several.',
  },
  GLM_BASE_URL: {
    group: 'Providers',
    kind: kinds.baseUrl,
    aliases: ['ZAI_BASE_URL', 'ZAI_API_BASE'],
    default: 'https://api.z.ai/api/paas/v4',
    about: 'Where GLM is; a key of BigModel needs https://open.bigmodel.cn/api/paas/v4.',
  },
  KIMI_API_KEY: {
    group: 'Providers',
    kind: kinds.secrets,
    secret: true,
    aliases: ['MOONSHOT_API_KEY'],
    about: 'Key of Kimi (Moonshot), or several.',
  },
  KIMI_BASE_URL: {
    group: 'Providers',
    kind: kinds.baseUrl,
    aliases: ['MOONSHOT_API_URL', 'MOONSHOT_BASE_URL', 'MOONSHOT_API_BASE'],
    default: 'https://api.moonshot.ai/v1',
    about: 'Where Kimi is; a Chinese key needs https://api.moonshot.cn/v1.',
  },
  MINIMAX_API_KEY: {
    group: 'Providers',
    kind: kinds.secrets,
    secret: true,
    about: 'Key of MiniMax, or several.',
  },
  MINIMAX_BASE_URL: {
    group: 'Providers',
    kind: kinds.baseUrl,
    aliases: ['MINIMAX_API_BASE'],
    default: 'https://api.minimax.io/v1',
    about: 'Where MiniMax is; a Chinese key needs https://api.minimaxi.com/v1.',
  },
  EXAI_CONFIG: {
    group: 'Providers',
    kind: kinds.path,
    about: 'YAML file with more providers, keys, models, prices, aliases, limits and routing; it is watched.',
  },
  ALLOW_PRIVATE_URLS: {
    group: 'Providers',
    kind: kinds.boolean,
    default: '0',
    about: 'Whether media that a call names by URL may be fetched from addresses that are not public.',
  },
  REQUEST_TIMEOUT: {
    group: 'Time',
    kind: kinds.seconds({ min: 1, max: 3600 }),
    default: '600',
    unit: 'seconds',
    about: 'Default deadline of a call and its ceiling; a longer one is shortened to it.',
  },
  CONNECT_TIMEOUT: {
    group: 'Time',
    kind: kinds.seconds(attemptSeconds),
    default: '5',
    unit: 'seconds',
    about: 'How long an attempt waits for the connection to a provider.',
  },
  FIRST_TOKEN_TIMEOUT: {
    group: 'Time',
    kind: kinds.seconds(attemptSeconds),
    default: '120',
    unit: 'seconds',
    about: 'How long an attempt waits for the first output; reasoning models think for minutes.',
  },
  IDLE_TIMEOUT: {
    group: 'Time',
    kind: kinds.seconds(attemptSeconds),
    default: '60',
    unit: 'seconds',
    about: 'How long a begun answer may pause.',
  },
  DRAIN_DELAY: {
    group: 'Time',
    kind: kinds.seconds({ min: 0, max: 300 }),
    default: '0',
    unit: 'seconds',
    about: 'How long a stopping process still takes calls while it reports not ready; 5 under Kubernetes.',
  },
  DRAIN_TIMEOUT: {
    group: 'Time',
    kind: kinds.seconds({ min: 0, max: 3600 }),
    default: '30',
    unit: 'seconds',
    about: 'How long running calls may go on after that.',
  },
  OVERLOAD_DELAY: {
    group: 'Time',
    kind: kinds.seconds({ min: 0, max: 60 }),
    default: '2',
    unit: 'seconds',
    about: 'Work that calls of one burst may wait for before the rest is refused as OVERLOADED; 0: none is.',
  },
  MAX_FILE_BYTES: {
    group: 'Storage',
    kind: kinds.integer({ min: 1024, max: 2 ** 40 }),
    default: String(4 * 1024 ** 3),
    unit: 'bytes',
    about: 'Largest file that is stored.',
  },
  FILE_QUOTA_BYTES: {
    group: 'Storage',
    kind: kinds.integer({ min: 1024, max: 2 ** 50 }),
    unit: 'bytes',
    about: 'Bytes of files that one tenant may store; without it there is no such limit.',
  },
  FILE_TTL: {
    ...ttl,
    about: 'How long a file is kept whose uploader does not say; without it, until it is deleted.',
  },
  CONVERSATION_TTL: {
    ...ttl,
    about: 'How long a conversation is kept after its last turn; without it, until it is deleted.',
  },
  DATA_DIR: {
    group: 'Storage',
    kind: kinds.path,
    default: './data',
    about: 'Folder for everything that is kept; it is made when it is not there, for this user alone.',
  },
  SUPABASE_URL: {
    group: 'Storage',
    kind: kinds.baseUrl,
    about: 'Supabase project to keep a copy of everything in; together with SUPABASE_KEY.',
  },
  SUPABASE_KEY: {
    group: 'Storage',
    kind: kinds.secret,
    secret: true,
    about: 'Service key of the Supabase project.',
  },
  REDIS_URL: {
    group: 'Storage',
    kind: kinds.redisUrl,
    secret: true,
    about: 'Redis that replicas share; without it each process knows of its own calls only.',
  },
  ...telemetrySettings,
  WORKERS: {
    group: 'Operation',
    kind: kinds.processes,
    default: 'auto',
    about: 'How many processes serve the port, auto for one a core; from 2 on one more owns what they share.',
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>

/** The name of a setting. */
export type SettingName = keyof typeof settings

type SettingValue<S> = S extends { readonly kind: kinds.Kind<infer T> }
  ? S extends { readonly default: string }
    ? T
    : T | undefined
  : never

/** The value of every setting; undefined where nothing is set and there is no default. */
export type SettingValues = { readonly [N in SettingName]: SettingValue<(typeof settings)[N]> }

/** The rows in order, all of one type. */
export function settingRows(): readonly (readonly [name: string, row: Setting<unknown>])[] {
  return Object.entries(settings)
}
