// In which forms a provider takes a file, as data: a new fact is a new line, not a new branch.
import type { ProviderConfig } from '../config/snapshot.ts'
import type { FormEndpoint } from './given.ts'
import { kimiFileBytesMax } from './kimi-files.ts'

/**
 * A way to give a file to a model: its bytes in the request, a URL that the provider fetches, a file that was uploaded before,
 * or its text in the place of the file, made by the provider after an upload, or by ourselves as far as we can read the type.
 */
export type FileForm = FormLimits &
  (
    | { readonly form: 'inline' }
    | { readonly form: 'url' }
    | { readonly form: 'uploaded'; readonly purpose: string; readonly reference: FileReference }
    | { readonly form: 'text'; readonly by: 'provider'; readonly purpose: string }
    | { readonly form: 'text'; readonly by: 'gateway' }
  )

/** Where a form is taken, and up to which size. */
export interface FormLimits {
  /** Endpoints that take it. Absent: all. */
  readonly endpoints?: readonly FormEndpoint[]
  /** Most bytes of the file itself, before any encoding. Absent: none is known. */
  readonly sizeBytesMax?: number
  /** Most bytes of all files of a request together that are given inline, before any encoding. Absent: none is known. */
  readonly togetherBytesMax?: number
}

/** How a message names an uploaded file: by a `file_id` field, or by a URL of the provider's own. */
export type FileReference = 'file_id' | 'ms_url' | 'mm_file_url'

/** What a provider does with some types of files. */
export interface FileRule {
  /** Types in lower case; the last part may be `*`. */
  readonly types: readonly string[]
  /** Ids of the models. Absent: all that read this kind of media. */
  readonly models?: RegExp
  /** Most files of this rule in one request. Absent: none is known. */
  readonly countMax?: number
  /** Types that cannot stand beside these in one request. */
  readonly notBeside?: readonly string[]
  /** Whether the model is shown a text that the provider makes of what it is given, and need not read such files. Default false. */
  readonly becomesText?: boolean
  /** Best first. */
  readonly forms: readonly FileForm[]
}

const MB = 1_000_000
const IMAGES = ['image/png', 'image/jpeg', 'image/webp', 'image/gif']
const PDF = 'application/pdf'
const OFFICE = [
  'application/msword',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.ms-excel',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.ms-powerpoint',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
]
const PLAIN = ['text/*', 'application/json', 'application/xml', 'application/yaml', 'application/jsonl']
const SOUND = ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave', 'audio/mpeg', 'audio/mp3']
const asText: FileForm = { form: 'text', by: 'gateway' }
const onResponses = { endpoints: ['responses'] } as const
const onChat = { endpoints: ['chat/completions'] } as const

/**
 * OpenAI (platform.openai.com/docs/guides/images-vision, /pdf-files, /file-inputs): 50 MB for the files of a request together, of
 * which base64 leaves three quarters; 512 MB for an upload (/docs/api-reference/files). URLs of documents and ids of images are
 * for Responses only; there documents other than PDF become text. Above 4 MB a copy is worth its upload: what is said again
 * with every turn is an id.
 */
const openAiUploadBytesMax = 512 * 1024 * 1024
const openAiInlineBytesMax = 37 * MB
const openAi: readonly FileRule[] = [
  {
    types: IMAGES,
    countMax: 500,
    forms: [
      { form: 'url' },
      ...openAiBytes({ purpose: 'vision', sizeBytesMax: openAiUploadBytesMax, ...onResponses }),
    ],
  },
  {
    types: [PDF],
    forms: [
      { form: 'url', ...onResponses },
      ...openAiBytes({ purpose: 'user_data', sizeBytesMax: 50 * MB }),
      asText,
    ],
  },
  {
    types: OFFICE,
    becomesText: true,
    forms: [
      { form: 'url', ...onResponses },
      ...openAiBytes({ purpose: 'user_data', sizeBytesMax: 50 * MB, ...onResponses }, onResponses),
      asText,
    ],
  },
  { types: PLAIN, forms: [asText] },
  {
    types: SOUND,
    models: /audio/,
    forms: [{ form: 'inline', togetherBytesMax: openAiInlineBytesMax, ...onChat }],
  },
]

/** Small files inline, others uploaded, and inline as well where there is no place for uploads. */
function openAiBytes(
  upload: FormLimits & { readonly purpose: string },
  where: Pick<FormLimits, 'endpoints'> = {},
): readonly FileForm[] {
  const togetherBytesMax = openAiInlineBytesMax
  return [
    { form: 'inline', sizeBytesMax: 4 * MB, togetherBytesMax, ...where },
    { form: 'uploaded', reference: 'file_id', ...upload },
    { form: 'inline', sizeBytesMax: openAiInlineBytesMax, togetherBytesMax, ...where },
  ]
}

/**
 * GLM (docs.z.ai/api-reference/llm/chat-completion): images below 5 MB by URL or inline; videos to 200 MB and documents by URL
 * only; documents never beside images or videos. No uploaded file can be named, and no text is made of one.
 */
const glm: readonly FileRule[] = [
  {
    types: ['image/png', 'image/jpeg', 'image/jpg'],
    models: /^glm-(?:5v|4\.6v)/,
    countMax: 150,
    forms: glmImageForms(),
  },
  { types: ['image/png', 'image/jpeg', 'image/jpg'], countMax: 50, forms: glmImageForms() },
  { types: ['video/*'], models: /^glm-4\.5v/, countMax: 1, forms: [{ form: 'url', sizeBytesMax: 200 * MB }] },
  { types: ['video/*'], countMax: 2, forms: [{ form: 'url', sizeBytesMax: 200 * MB }] },
  { types: SOUND, models: /^glm-4-voice/, forms: [{ form: 'inline' }] },
  {
    types: [PDF, ...OFFICE, ...PLAIN],
    models: /^glm-(?:5\.3-flash|5v|4\.[56]v)/,
    countMax: 50,
    notBeside: ['image/*', 'video/*'],
    forms: [{ form: 'url' }, asText],
  },
  { types: [PDF, ...OFFICE, ...PLAIN], forms: [asText] },
]

function glmImageForms(): readonly FileForm[] {
  return [{ form: 'url' }, { form: 'inline', sizeBytesMax: 5 * MB - 1 }]
}

/**
 * Kimi (platform.moonshot.ai/docs/api/files, /chat): fetches no URL; a request has at most 2,097,152 bytes of messages on some
 * paths, of which base64 leaves three quarters; what is larger is uploaded and named by `ms://`. Documents become text after
 * an upload: 100 MB each, 1000 files and 10 GB per user.
 */
const kimiInlineBytesMax = 1_500_000
const kimi: readonly FileRule[] = [
  { types: ['image/*'], forms: kimiForms('image') },
  { types: ['video/*'], forms: kimiForms('video') },
  { types: PLAIN, forms: [asText, kimiText()] },
  {
    types: [PDF, ...OFFICE, 'application/epub+zip', 'application/x-mobipocket-ebook'],
    forms: [asText, kimiText()],
  },
]

function kimiForms(purpose: 'image' | 'video'): readonly FileForm[] {
  return [
    { form: 'inline', sizeBytesMax: kimiInlineBytesMax, togetherBytesMax: kimiInlineBytesMax },
    { form: 'uploaded', purpose, reference: 'ms_url', sizeBytesMax: kimiFileBytesMax },
  ]
}

function kimiText(): FileForm {
  return { form: 'text', by: 'provider', purpose: 'file-extract', sizeBytesMax: kimiFileBytesMax }
}

/**
 * MiniMax (platform.minimax.io/docs/api-reference/text-openai-api, /file-management-upload): images and videos on M3 and later;
 * an uploaded video is named by `mm_file://`. No sizes are documented.
 */
const miniMax: readonly FileRule[] = [
  { types: IMAGES, models: /^MiniMax-M[3-9]/, forms: [{ form: 'url' }, { form: 'inline' }] },
  {
    types: ['video/mp4', 'video/x-msvideo', 'video/avi', 'video/quicktime', 'video/x-matroska'],
    models: /^MiniMax-M[3-9]/,
    forms: [
      { form: 'url' },
      { form: 'uploaded', purpose: 'video_understanding', reference: 'mm_file_url' },
      { form: 'inline' },
    ],
  },
  { types: [PDF, ...OFFICE, ...PLAIN], forms: [asText] },
]

/** Hosts of which no more is known: what the wire has a form for goes inline, and text. */
const compatible: readonly FileRule[] = [
  { types: ['image/*', 'video/*'], forms: [{ form: 'inline' }, { form: 'url' }] },
  { types: [PDF], forms: [{ form: 'inline' }, asText] },
  { types: SOUND, forms: [{ form: 'inline' }] },
  { types: PLAIN, forms: [asText] },
]

/** The rules of each kind of provider; the first that fits a file counts. */
export const fileRules = {
  openai: openAi,
  glm,
  kimi,
  minimax: miniMax,
  'openai-compatible': compatible,
  sandbox: [{ types: PLAIN, forms: [asText] }],
} as const satisfies Readonly<Record<ProviderConfig['kind'], readonly FileRule[]>>

/** A file that is to go to a model. */
export interface FileQuestion {
  readonly mimeType: string
  /** Absent: not known, and then no size is too large. */
  readonly sizeBytes?: number
  /** The id of the model, as the provider spells it. */
  readonly model: string
  readonly endpoint: FormEndpoint
}

/** The rule for a file; undefined when the provider has no form for it at all. */
export function fileRuleFor(kind: ProviderConfig['kind'], file: FileQuestion): FileRule | undefined {
  const type = file.mimeType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const rules: readonly FileRule[] = fileRules[kind]
  return rules.find(
    rule => rule.models?.test(file.model) !== false && rule.types.some(one => fits(one, type)),
  )
}

/** Whether a provider makes a text of documents of a type by itself, so that any model of it can be given one. */
export function makesText(kind: ProviderConfig['kind'], mimeType: string): boolean {
  const rule = fileRuleFor(kind, { mimeType, model: '', endpoint: 'chat/completions' })
  return (
    rule?.becomesText === true ||
    rule?.forms.some(form => form.form === 'text' && form.by === 'provider') === true
  )
}

/** Whether a type is that of documents of an office program. */
export function isOfficeType(mimeType: string): boolean {
  return OFFICE.includes(mimeType)
}

/** The forms in which a provider takes a file, best first; empty when there is none, or it is too large for all of them. */
export function fileFormsFor(kind: ProviderConfig['kind'], file: FileQuestion): readonly FileForm[] {
  const { sizeBytes = 0, endpoint } = file
  const forms = fileRuleFor(kind, file)?.forms ?? []
  return forms.filter(
    ({ endpoints, sizeBytesMax }) =>
      endpoints?.includes(endpoint) !== false && sizeBytes <= (sizeBytesMax ?? Number.POSITIVE_INFINITY),
  )
}

/** The URL by which a message names an uploaded file; undefined where it is named by a field. */
export function referenceUrl(reference: FileReference, id: string): string | undefined {
  switch (reference) {
    case 'file_id':
      return undefined
    case 'ms_url':
      return `ms://${id}`
    case 'mm_file_url':
      return `mm_file://${id}`
    default:
      return reference satisfies never
  }
}

function fits(pattern: string, type: string): boolean {
  return pattern.endsWith('/*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type
}
