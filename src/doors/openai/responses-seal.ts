// Puts what belongs to a thought besides its text into the one that clients of the Responses API send back unread: `encrypted_content`.

/** What belongs to a thought besides its text. */
export interface SealedThought {
  /** Id of the provider that made it. */
  readonly provider: string
  /** Id of the model that made it, as its provider spells it. */
  readonly model: string
  /** The provider's own sealed form. */
  readonly opaque: Uint8Array
  /** Place among the parts of its message, sources not counted, when it is told apart from there. */
  readonly at?: number | undefined
}

// OpenAI's own are base64 and have no dot.
const MARK = 'exai1.'

/** The text. */
export function sealThought({ provider, model, opaque, at }: SealedThought): string {
  const sealed = { p: provider, m: model, o: Buffer.from(opaque).toString('base64'), at }
  return MARK + Buffer.from(JSON.stringify(sealed)).toString('base64url')
}

/** What such a text has; undefined for one that was not made here, or was changed. */
export function openThought(text: string): SealedThought | undefined {
  const sealed = text.startsWith(MARK) ? parse(text.slice(MARK.length)) : undefined
  if (typeof sealed !== 'object' || sealed === null) return undefined
  // The parse boundary: every field is looked at below.
  const { p, m, o, at } = sealed as Readonly<Record<string, unknown>>
  if (typeof p !== 'string' || typeof m !== 'string' || typeof o !== 'string') return undefined
  return {
    provider: p,
    model: m,
    opaque: new Uint8Array(Buffer.from(o, 'base64')),
    ...(typeof at === 'number' && Number.isInteger(at) && at >= 0 ? { at } : {}),
  }
}

function parse(sealed: string): unknown {
  try {
    return JSON.parse(Buffer.from(sealed, 'base64url').toString('utf8'))
  } catch {
    // Whoever changes a seal has none.
    return undefined
  }
}
