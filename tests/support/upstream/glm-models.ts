// The models that the GLM double knows: what goes in, how much comes out, and how their thinking is steered.

/** Kinds of content part besides text. */
export type Media = 'image_url' | 'video_url' | 'file_url' | 'input_audio'

/** What a model allows. */
export type GlmModel = {
  readonly media: readonly Media[]
  readonly imagesMax: number
  readonly videosMax: number
  readonly outputTokensMax: number
  /** `always`: it cannot be disabled. `none`: there is no such field. */
  readonly thinking: 'always' | 'optional' | 'none'
  /** Accepted `reasoning_effort` values; empty: the field is refused. */
  readonly efforts: readonly string[]
  readonly toolStream: boolean
}

const text: GlmModel = {
  media: [],
  imagesMax: 0,
  videosMax: 0,
  outputTokensMax: 131_072,
  thinking: 'optional',
  efforts: [],
  toolStream: true,
}
const vision: GlmModel = {
  ...text,
  media: ['image_url', 'video_url', 'file_url'],
  imagesMax: 50,
  videosMax: 2,
}
const from53 = { thinking: 'always', efforts: ['low', 'high', 'max'] } as const
const from45: GlmModel = { ...text, outputTokensMax: 98_304, toolStream: false }

const known: Readonly<Record<string, GlmModel>> = {
  'glm-5.3': { ...text, ...from53 },
  'glm-5.3-flash': { ...vision, ...from53 },
  'glm-5.3-flashx': { ...vision, ...from53 },
  'glm-5.2': { ...text, efforts: ['max', 'xhigh', 'high', 'medium', 'low', 'minimal', 'none'] },
  'glm-5.1': text,
  'glm-5-turbo': text,
  'glm-5': text,
  'glm-5v-turbo': { ...vision, imagesMax: 150 },
  'glm-4.7': text,
  'glm-4.7-flashx': text,
  'glm-4.7-flash': text,
  'glm-4.6': text,
  'glm-4.6v': { ...vision, imagesMax: 150, outputTokensMax: 32_768 },
  'glm-4.6v-flash': { ...vision, imagesMax: 150, outputTokensMax: 32_768 },
  'glm-4.6v-flashx': { ...vision, imagesMax: 150, outputTokensMax: 16_384 },
  'glm-4.5': from45,
  'glm-4.5-air': from45,
  'glm-4.5-x': from45,
  'glm-4.5-airx': from45,
  'glm-4.5-flash': from45,
  'glm-4.5v': { ...vision, videosMax: 1, outputTokensMax: 16_384, toolStream: false },
  'glm-4-32b-0414-128k': { ...text, outputTokensMax: 16_384, thinking: 'none', toolStream: false },
  'glm-4-voice': { ...text, media: ['input_audio'], thinking: 'none', toolStream: false },
  'glm-5-code': text,
}

/** The ids that are served unless a test says otherwise. */
export const defaultModels: readonly string[] = Object.keys(known)

/** The ids that the list of models has: far from all that are served. */
export const listedModels: readonly string[] = ['glm-5.3', 'glm-5.3-flash', 'glm-5.3-flashx']

/** Finds a served model by its exact id; ids that GLM does not have are text models whose thinking is optional. */
export const findModel = (id: string, served: readonly string[]): GlmModel | undefined =>
  served.includes(id) ? (known[id] ?? text) : undefined
