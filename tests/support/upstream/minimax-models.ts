// The models that the MiniMax double knows, under the very letters of their ids.

/** What a model allows and how it thinks. */
export type MiniMaxModel = {
  /** Content may be a list of parts with images and videos. */
  readonly parts: boolean
  /** Accepted values of `thinking.type`; empty: the field is refused. */
  readonly thinkingTypes: readonly string[]
  readonly thinks: 'always' | 'unless-disabled' | 'never'
  /** Accepted `reasoning_effort` values; empty: the field is refused. */
  readonly efforts: readonly string[]
  readonly obeysStop: boolean
  readonly priority: boolean
  /** Which fields have the reasoning with `reasoning_split`, and which without it besides the content. */
  readonly splitFields: readonly string[]
  readonly mirrorFields: readonly string[]
}

const m2: MiniMaxModel = {
  parts: false,
  // Accepted, and of no effect.
  thinkingTypes: ['disabled'],
  thinks: 'always',
  efforts: [],
  obeysStop: true,
  priority: false,
  splitFields: ['reasoning_details', 'reasoning_content'],
  mirrorFields: [],
}
const m3: MiniMaxModel = {
  ...m2,
  parts: true,
  thinkingTypes: ['adaptive', 'disabled'],
  thinks: 'unless-disabled',
  priority: true,
  mirrorFields: ['reasoning_content'],
}

const known: Readonly<Record<string, MiniMaxModel>> = {
  'MiniMax-M3.1-Flash': {
    ...m3,
    thinkingTypes: ['adaptive'],
    thinks: 'always',
    efforts: ['low', 'medium', 'high', 'xhigh', 'max'],
    obeysStop: false,
    priority: false,
    splitFields: ['reasoning_content'],
    mirrorFields: [],
  },
  'MiniMax-M3': m3,
  'MiniMax-M2.7': m2,
  'MiniMax-M2.7-highspeed': m2,
  'MiniMax-M2.5': m2,
  'MiniMax-M2.5-highspeed': m2,
  'MiniMax-M2.1': m2,
  'MiniMax-M2.1-highspeed': m2,
  'MiniMax-M2': m2,
  'M2-her': { ...m2, thinkingTypes: [], thinks: 'never' },
}

/** The ids that are served unless a test says otherwise. */
export const defaultModels: readonly string[] = Object.keys(known)

/** Finds a served model by its exact id; ids that MiniMax does not have are like M2. */
export const findModel = (id: string, served: readonly string[]): MiniMaxModel | undefined =>
  served.includes(id) ? (known[id] ?? m2) : undefined
