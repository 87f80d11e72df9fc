// The models that the OpenAI double knows, and what Chat Completions refuses for each.

/** What a model allows on Chat Completions. */
export type ModelRule = {
  /** Other names it answers to; it reports itself under the last one. */
  readonly aliases: readonly string[]
  /** Accepted `reasoning_effort` values; empty: the model does not reason. */
  readonly efforts: readonly string[]
  /** What an absent effort means. */
  readonly defaultEffort: string
  /** Function tools while reasoning: refused by gpt-5.4 and 5.5 only when an effort is sent, later also by default. */
  readonly toolsWithEffort: 'allowed' | 'refused-when-sent' | 'refused'
  readonly onlyResponses: boolean
}

const plain: ModelRule = {
  aliases: [],
  efforts: [],
  defaultEffort: 'none',
  toolsWithEffort: 'allowed',
  onlyResponses: false,
}
const upToMax = ['low', 'medium', 'high', 'xhigh', 'max']
const upToXhigh = ['none', 'low', 'medium', 'high', 'xhigh']
const first5 = { ...plain, efforts: ['minimal', 'low', 'medium', 'high'], defaultEffort: 'medium' }
const from54 = { ...plain, efforts: upToXhigh, toolsWithEffort: 'refused-when-sent' } as const
const from56 = { ...plain, efforts: upToXhigh, defaultEffort: 'medium', toolsWithEffort: 'refused' } as const
const from6 = { ...from56, efforts: ['none', ...upToMax] } as const
const responses = { ...plain, efforts: ['medium', 'high'], defaultEffort: 'medium', onlyResponses: true }

const known: Readonly<Record<string, ModelRule>> = {
  'test-model': plain,
  'gpt-6-astra': { ...from6, efforts: upToMax },
  'gpt-6.1-sol': { ...from6, efforts: upToMax },
  'gpt-6-sol': from6,
  'gpt-6-luna': from6,
  'gpt-6.1-terra': from6,
  'gpt-5.6-sol': { ...from56, aliases: ['gpt-5.6', 'gpt-5.6-2026-07-09', 'gpt-5.6-sol-2026-07-09'] },
  'gpt-5.6-terra': { ...from56, aliases: ['gpt-5.6-terra-2026-07-09'] },
  'gpt-5.6-luna': { ...from56, aliases: ['gpt-5.6-luna-2026-07-09'] },
  'gpt-5.5': { ...from54, defaultEffort: 'medium', aliases: ['gpt-5.5-2026-04-23'] },
  'gpt-5.5-pro': responses,
  'gpt-5.4': { ...from54, aliases: ['gpt-5.4-2026-03-05'] },
  'gpt-5.4-pro': responses,
  'gpt-5.4-mini': from54,
  'gpt-5.4-nano': from54,
  'gpt-5.3-codex': responses,
  'gpt-5.2': { ...plain, efforts: upToXhigh },
  'gpt-5.2-pro': responses,
  'gpt-5.1': { ...plain, efforts: ['none', 'low', 'medium', 'high'] },
  'gpt-5': first5,
  'gpt-5-mini': first5,
  'gpt-5-nano': first5,
  'gpt-5-pro': responses,
  'gpt-4.1': plain,
  'gpt-4.1-mini': plain,
  'gpt-4o': plain,
  'gpt-4o-mini': plain,
  o3: { ...plain, efforts: ['low', 'medium', 'high'], defaultEffort: 'medium' },
  'o3-pro': responses,
}

/** The ids that are served unless a test says otherwise. */
export const defaultModels: readonly string[] = Object.keys(known)

/** A served model: the id it reports, and its rules. */
export type ServedModel = { readonly id: string; readonly snapshot: string; readonly rule: ModelRule }

/** Finds a model by exact id or alias among the served ids; ids that OpenAI does not have are plain models. */
export function findModel(name: string, served: readonly string[]): ServedModel | undefined {
  for (const id of served) {
    const rule = known[id] ?? plain
    if (id === name || rule.aliases.includes(name)) return { id, snapshot: rule.aliases.at(-1) ?? id, rule }
  }
  return undefined
}
