// Puts what belongs to a thought into the one text that Anthropic's clients keep and send back unread: a signature, or sealed data.

/** What belongs to a thought besides its text. */
export interface Seal {
  /** Id of the provider that made it. */
  readonly provider: string
  /** Id of the model that made it, as its provider spells it. */
  readonly model: string
  /** The provider's own sealed form. Empty when there is none. */
  readonly opaque: Uint8Array
  /** Place among the parts of its message, sources not counted, when it stands apart from there. */
  readonly at?: number | undefined
}

// Signatures of anybody else never begin so: theirs are base64.
const MARK = 'exai1.'

/** The text. */
export function sealText({ provider, model, opaque, at }: Seal): string {
  const sealed = opaque.byteLength === 0 ? undefined : Buffer.from(opaque).toString('base64')
  return MARK + Buffer.from(JSON.stringify({ p: provider, m: model, o: sealed, at })).toString('base64url')
}

/** What such a text has; undefined for one that was not made here. */
export function openSeal(text: string): Seal | undefined {
  if (!text.startsWith(MARK)) return undefined
  const seal = parse(Buffer.from(text.slice(MARK.length), 'base64url').toString('utf8'))
  if (typeof seal !== 'object' || seal === null) return undefined
  // The parse boundary: every field is looked at below.
  const { p, m, o, at } = seal as Readonly<Record<string, unknown>>
  if (typeof p !== 'string' || typeof m !== 'string') return undefined
  return {
    provider: p,
    model: m,
    opaque: new Uint8Array(Buffer.from(typeof o === 'string' ? o : '', 'base64')),
    ...(typeof at === 'number' && Number.isInteger(at) && at >= 0 ? { at } : {}),
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Whoever changes a signature has none.
    return undefined
  }
}
