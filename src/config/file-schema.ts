// The shape of the config file: which keys there are, and what their values must be like.
import * as z from 'zod'
import { LOG_LEVELS } from '../core/log.ts'
import type { Quality } from '../core/model.ts'
import { limitsSchema } from './file-limits.ts'
import { baseUrl } from './kinds.ts'
import { HTTP_KINDS, type HttpKind, PRESETS, type PresetName } from './snapshot.ts'

/** Ids of the providers that need no entry in the file; an entry with such a name changes the provider. */
export const BUILT_IN_NAMES = ['openai', 'glm', 'kimi', 'minimax'] as const

/** Names that no entry may have: the provider in the process, and what is no provider and no alias either. */
export const RESERVED_NAMES: readonly string[] = ['sandbox', 'auto']

/** No provider has ids or names that come near this length. */
const nameLengthMax = 256

const name = z
  .string()
  .regex(/^[^\s\p{Cc}]+$/u, 'must be a name without spaces')
  .max(nameLengthMax)
const tokens = z.int().min(1).max(1_000_000_000)
/** No provider takes as many calls at once; a larger number is a mistake. */
const callsAtOnce = z.int().min(1).max(1_000_000)
const usdPerMillion = z.number().min(0).max(1_000_000)
/** A search costs a fraction of a cent; with a larger number it was meant for a thousand of them. */
const usdPerSearchMax = 100
/** The bundled models have one tier at most. */
const priceTiersMax = 8
const priceTier = z.strictObject({
  above_input_tokens: tokens,
  input_price: usdPerMillion,
  output_price: usdPerMillion,
  cached_input_price: usdPerMillion.optional(),
  cache_write_price: usdPerMillion.optional(),
})

const url = z.string().transform((value, context) => {
  const result = baseUrl.parse(value)
  if (result.ok) return result.value
  context.addIssue({ code: 'custom', message: result.problem })
  return z.NEVER
})

const modelFields = {
  aliases: z.array(name).optional(),
  context_window: tokens.optional(),
  max_output_tokens: tokens.optional(),
  input_price: usdPerMillion.optional(),
  output_price: usdPerMillion.optional(),
  cached_input_price: usdPerMillion.optional(),
  cache_write_price: usdPerMillion.optional(),
  web_search_price: z.number().min(0).max(usdPerSearchMax).optional(),
  price_tiers: z.array(priceTier).min(1).max(priceTiersMax).optional(),
  tools: z.boolean().optional(),
  vision: z.boolean().optional(),
  embeddings: z.boolean().optional(),
  structured_output: z.enum(['none', 'json_object', 'json_schema']).optional(),
  reasoning: z.enum(['none', 'optional', 'always']).optional(),
  quality: z
    .int()
    .min(1)
    .max(5)
    // The bounds leave these five, which the compiler cannot see.
    .transform(step => step as Quality)
    .optional(),
  max_concurrent: callsAtOnce.optional(),
}

// One step where the compiler cannot see that the names of an object's fields are the object's keys.
const kindNames = Object.keys(HTTP_KINDS) as HttpKind[]
const presetNames = Object.keys(PRESETS) as PresetName[]

const key = z.strictObject({
  api_key: z.string().optional(),
  api_key_env: name.optional(),
  label: z
    .string()
    .regex(
      /^(?!key-\d+$)[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/,
      'must be 1 to 32 letters, digits, dots, dashes and underscores, and not like key-1, which keys without a label get',
    )
    .optional(),
  base_url: url.optional(),
  account: name.optional(),
  max_concurrent: callsAtOnce.optional(),
})

const model = z.strictObject({ id: name, ...modelFields })

const provider = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be 1 to 32 lower-case letters, digits and dashes, a letter first'),
  kind: z.enum(kindNames).optional(),
  preset: z.enum(presetNames).optional(),
  base_url: url.optional(),
  api_key: z.string().optional(),
  api_key_env: name.optional(),
  keys: z.array(key).optional(),
  open_ended: z.boolean().optional(),
  models: z.array(model).optional(),
  max_concurrent: callsAtOnce.optional(),
})

/** As many candidates as one call may have; the model itself is one more. */
const fallbacksMax = 8

const routing = z.strictObject({
  fallbacks: z.record(name, z.array(name).min(1).max(fallbacksMax)).optional(),
  queue: z
    .strictObject({
      max_waiting: z.int().min(0).max(10_000).optional(),
      max_wait: z.number().min(0.001).max(600).optional(),
    })
    .optional(),
  circuit: z
    .strictObject({
      window: z.int().min(1).max(1000).optional(),
      min_calls: z.int().min(1).max(1000).optional(),
      failure_ratio: z.number().min(0.01).max(1).optional(),
      open_seconds: z.number().min(0.1).max(3600).optional(),
    })
    .optional(),
})

/** The whole file. */
export const fileSchema = z.strictObject({
  providers: z.array(provider).optional(),
  models: z.array(z.strictObject({ provider: name, id: name, ...modelFields })).optional(),
  aliases: z.record(name, name).optional(),
  routing: routing.optional(),
  limits: limitsSchema.optional(),
  log_level: z.enum(LOG_LEVELS).optional(),
})

/** The file as it was read. */
export type FileContent = z.infer<typeof fileSchema>

/** One provider as it was read. */
export type FileProvider = z.infer<typeof provider>

/** A key as it was read. */
export type FileKey = z.infer<typeof key>

/** The routing as it was read. */
export type FileRouting = z.infer<typeof routing>

/** A model as it was read, here or there in the file. */
export type FileModel = z.infer<typeof model>

/** A place in the file and what is wrong there. The problem ends a sentence that begins with the place. */
export interface FileProblem {
  readonly path: readonly PropertyKey[]
  readonly problem: string
}

/** What became of the file's data: its content, or every place where it is wrong. */
export type FileShape =
  | { readonly ok: true; readonly content: FileContent }
  | { readonly ok: false; readonly problems: readonly FileProblem[] }

/** Holds data against the schema. Problems never quote values, since one of them may be a key. */
export function parseShape(data: unknown): FileShape {
  const result = fileSchema.safeParse(data, { reportInput: true })
  if (result.success) return { ok: true, content: result.data }
  return { ok: false, problems: result.error.issues.flatMap(problemsOf) }
}

function problemsOf(issue: z.core.$ZodIssue): readonly FileProblem[] {
  const { path } = issue
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => ({ path: [...path, key], problem: 'is not known: correct or remove it' }))
    case 'invalid_type':
      return [{ path, problem: missing(issue) ? 'is missing' : `must be of the type ${issue.expected}` }]
    case 'invalid_value':
      return [
        { path, problem: missing(issue) ? 'is missing' : `must be ${issue.values.map(String).join(' or ')}` },
      ]
    case 'too_small':
      return [
        {
          path,
          problem:
            issue.origin === 'array'
              ? `must have at least ${issue.minimum} entry`
              : `must be at least ${issue.minimum}`,
        },
      ]
    case 'too_big':
      return [
        {
          path,
          problem:
            issue.origin === 'array'
              ? `must have at most ${issue.maximum} entries`
              : `must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters long' : ''}`,
        },
      ]
    case 'invalid_key':
      return [{ path, problem: 'must be a name without spaces' }]
    default:
      return [{ path, problem: issue.message }]
  }
}

function missing(issue: z.core.$ZodIssue): boolean {
  return issue.input === undefined
}
