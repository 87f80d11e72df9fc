// Gathers the `reasoning_details` of one answer, so that they can be sent back as they came.
import { createGrowth, type Growth, plainGrowth } from './growth.ts'
import { foreign, foreignList, foreignText } from './wire.ts'

/** Gathers one answer's details. */
export interface DetailsKeeper {
  /** Takes the list of a chunk or of a whole message. Returns false when there are too many or too long ones. */
  take(details: unknown): boolean
  /** What came since the last time, as JSON in UTF-8; undefined when nothing did. */
  sealed(): Uint8Array | undefined
}

interface Detail {
  fields: object
  readonly texts: Map<string, { readonly growth: Growth; text: string }>
}

/** What is gathered before it is sealed: so many details, and so many characters in them. */
export const DETAILS_MAX = 4096
const DETAILS_CHARS_MAX = 16 * 1024 * 1024

// Fields that come in pieces; of any other the last one counts.
const PIECES = ['text', 'summary', 'data'] as const

/** Makes one for one answer. */
export function createDetailsKeeper(cumulative: boolean): DetailsKeeper {
  let details = new Map<string, Detail>()
  let chars = 0

  function add(value: unknown): void {
    const fields = foreign<'index' | 'id' | 'type' | (typeof PIECES)[number]>(value)
    if (fields === undefined) return
    const key = JSON.stringify([fields.index, fields.id, fields.type])
    const known = details.get(key)
    // The first one sets the order of the fields.
    const detail: Detail = known ?? { fields, texts: new Map() }
    if (known === undefined) details.set(key, detail)
    else detail.fields = { ...detail.fields, ...fields }
    for (const name of PIECES) {
      if (typeof fields[name] !== 'string') continue
      const kept = detail.texts.get(name) ?? { growth: cumulative ? createGrowth() : plainGrowth, text: '' }
      const more = kept.growth.take(foreignText(fields[name]))
      kept.text += more
      chars += more.length
      detail.texts.set(name, kept)
    }
  }

  return {
    take(value) {
      for (const detail of foreignList(value)) add(detail)
      return details.size <= DETAILS_MAX && chars <= DETAILS_CHARS_MAX
    },
    sealed() {
      if (details.size === 0) return undefined
      const whole = [...details.values()].map(({ fields, texts }) => ({
        ...fields,
        ...Object.fromEntries([...texts].map(([name, { growth, text }]) => [name, text + growth.rest()])),
      }))
      details = new Map()
      chars = 0
      return Buffer.from(JSON.stringify(whole))
    },
  }
}

/** The list in sealed details; undefined when it is none, such as what another version sealed. */
export function openDetails(opaque: Uint8Array): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(Buffer.from(opaque).toString('utf8'))
    return Array.isArray(list) && list.length > 0 ? list : undefined
  } catch {
    // Somebody changed it: the reasoning is lost, and the call goes on without.
    return undefined
  }
}
