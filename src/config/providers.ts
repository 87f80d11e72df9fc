// Puts the providers together: the four that need no entry in the config file, those of the file, and the sandbox.
import { type SettingName, type SettingValues, settings } from './settings.ts'
import type { HttpKind, HttpProviderConfig, KeyConfig, PresetName, ProviderConfig } from './snapshot.ts'

/** A key before it is known which label it gets if it has none. */
export type NewKey = Omit<KeyConfig, 'label'> & { readonly label?: string }

/** What the config file says of a provider; for one of the four, what it says besides the environment. */
export interface FileProviderConfig {
  readonly kind: HttpKind
  readonly id: string
  readonly preset?: PresetName | undefined
  readonly baseUrl?: string | undefined
  readonly keys: readonly NewKey[]
  /** Absent: as the kind of provider has it. */
  readonly openEnded?: boolean | undefined
}

/** The providers in the order in which they are asked, and what is worth a warning, one line each. */
export interface ProvidersReading {
  readonly providers: readonly ProviderConfig[]
  readonly notices: readonly string[]
}

interface BuiltIn {
  readonly id: Exclude<HttpKind, 'openai-compatible'>
  readonly keys: Exclude<SettingName & `${string}_API_KEY`, 'EXAI_API_KEY'>
  readonly baseUrl: SettingName & `${string}_BASE_URL`
}

const builtIns: readonly BuiltIn[] = [
  { id: 'openai', keys: 'OPENAI_API_KEY', baseUrl: 'OPENAI_BASE_URL' },
  { id: 'glm', keys: 'GLM_API_KEY', baseUrl: 'GLM_BASE_URL' },
  { id: 'kimi', keys: 'KIMI_API_KEY', baseUrl: 'KIMI_BASE_URL' },
  { id: 'minimax', keys: 'MINIMAX_API_KEY', baseUrl: 'MINIMAX_BASE_URL' },
]

/** Composes them. One of the four without a key is listed all the same: it says itself that it cannot be used. */
export function composeProviders(
  values: SettingValues,
  file: readonly FileProviderConfig[],
): ProvidersReading {
  const notices: string[] = []
  const four = builtIns.map(row => {
    const added = file.find(one => one.id === row.id)
    const { provider, notice } = builtIn(row, values, added)
    if (notice !== undefined) notices.push(notice)
    return provider
  })
  const others = file
    .filter(one => !builtIns.some(row => row.id === one.id))
    .map(
      ({ keys, openEnded, ...one }): HttpProviderConfig => ({
        ...one,
        keys: labelled(keys),
        openEnded: openEnded ?? true,
      }),
    )
  return { providers: [...four, ...others, { kind: 'sandbox', id: 'sandbox' }], notices }
}

function builtIn(
  row: BuiltIn,
  values: SettingValues,
  added: FileProviderConfig | undefined,
): { readonly provider: HttpProviderConfig; readonly notice: string | undefined } {
  const { id } = row
  const usual = settings[row.baseUrl].default
  const isMoved = values[row.baseUrl] !== usual
  const baseUrl = added?.baseUrl ?? values[row.baseUrl]
  const keys = labelled([...(values[row.keys] ?? []).map(secret => ({ secret })), ...(added?.keys ?? [])])
  const headers = id === 'openai' ? openAiHeaders(values) : {}
  const provider: HttpProviderConfig = {
    kind: id,
    id,
    baseUrl,
    keys,
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    // Behind another address there may be models that nobody has described to us.
    openEnded: added?.openEnded ?? baseUrl !== usual,
  }
  if (isMoved && added?.baseUrl !== undefined)
    return { provider, notice: `${row.baseUrl} is ignored, because the config file gives ${id} a base_url` }
  if (keys.length === 0 && (isMoved || added !== undefined))
    return { provider, notice: `${id} is configured but has no key, and cannot be used: set ${row.keys}` }
  return { provider, notice: undefined }
}

function openAiHeaders(values: SettingValues): Readonly<Record<string, string>> {
  const { OPENAI_ORG_ID: organization, OPENAI_PROJECT_ID: project } = values
  return {
    ...(organization === undefined ? {} : { 'openai-organization': organization }),
    ...(project === undefined ? {} : { 'openai-project': project }),
  }
}

/** Gives every key a label. A key that comes twice for one address counts once, and what is said later of it is added. */
function labelled(keys: readonly NewKey[]): readonly KeyConfig[] {
  const distinct = new Map<string, NewKey>()
  for (const key of keys) {
    const place = `${key.secret}\n${key.baseUrl ?? ''}`
    distinct.set(place, { ...distinct.get(place), ...key })
  }
  return [...distinct.values()].map((key, index) => ({ label: `key-${index + 1}`, ...key }))
}
