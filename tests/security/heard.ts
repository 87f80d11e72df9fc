// What a service was heard to say, and the search for secrets in all of it, in every form in which a text may travel.

/** Where a text was heard. Of these only answers may hold what their own caller wrote. */
export type Surface = 'log' | 'metrics' | 'error' | 'answer' | 'process'

/** A text that must not be heard. */
export interface Secret {
  /** What it is, for the complaint: the secret itself is not repeated there. */
  readonly name: string
  readonly text: string
  /** Where it must not be heard. Absent: nowhere. */
  readonly surfaces?: readonly Surface[]
  /** Whether only its plain form is looked for: of many secrets all forms would take minutes. */
  readonly isPlainOnly?: boolean
}

/** Everything that was heard. */
export interface Hearing {
  /** Keeps a text. */
  hear(surface: Surface, text: string): void
  /** How many texts were heard on a surface. */
  count(surface: Surface): number
  /** One complaint for each secret and surface where it was found. */
  search(secrets: readonly Secret[]): readonly string[]
}

const SURFACES: readonly Surface[] = ['log', 'metrics', 'error', 'answer', 'process']

/** Shorter ones would be found by chance. */
const LENGTH_MIN = 8

/** Begins to hear. */
export function createHearing(): Hearing {
  const heard = new Map<Surface, string[]>(SURFACES.map(surface => [surface, []]))
  return {
    hear: (surface, text) => {
      if (text !== '') heard.get(surface)?.push(text)
    },
    count: surface => heard.get(surface)?.length ?? 0,
    search(secrets) {
      for (const { name, text } of secrets)
        if (text.length < LENGTH_MIN) throw new Error(`${name} is too short to be looked for`)
      return SURFACES.flatMap(surface => {
        const all = (heard.get(surface) ?? []).join('\n')
        return secrets
          .filter(({ surfaces = SURFACES }) => surfaces.includes(surface))
          .flatMap(secret => {
            const form = formsOf(secret).find(({ text }) => all.includes(text))
            return form === undefined
              ? []
              : [`${secret.name} was heard in ${surface}${form.name}: …${around(all, form.text)}…`]
          })
      })
    },
  }
}

interface Form {
  readonly name: string
  readonly text: string
}

/** All the ways in which a secret may be written. */
export function formsOf({
  text,
  isPlainOnly = false,
}: Pick<Secret, 'text' | 'isPlainOnly'>): readonly Form[] {
  if (isPlainOnly) return [{ name: '', text }]
  const bytes = Buffer.from(text)
  const encoded: readonly Form[] = [
    { name: ', URL-encoded', text: encodeURIComponent(text) },
    { name: ', as a form field', text: encodeURIComponent(text).replaceAll('%20', '+') },
    { name: ', JSON-escaped', text: JSON.stringify(text).slice(1, -1) },
    { name: ', JSON-escaped twice', text: JSON.stringify(JSON.stringify(text).slice(1, -1)).slice(1, -1) },
    { name: ', in hexadecimal', text: bytes.toString('hex') },
    ...[0, 1, 2].flatMap(offset =>
      (['base64', 'base64url'] as const).map(coding => ({
        name: `, in ${coding}`,
        text: inner(bytes, offset, coding),
      })),
    ),
  ]
  return [{ name: '', text }, ...encoded.filter(form => form.text !== text && form.text.length >= LENGTH_MIN)]
}

/** What base64 makes of bytes that stand behind others: the digits that no neighbour has a part in. */
function inner(bytes: Uint8Array, offset: number, coding: 'base64' | 'base64url'): string {
  const digits = Buffer.concat([Buffer.alloc(offset), bytes]).toString(coding)
  const first = Math.ceil((offset * 8) / 6)
  const last = Math.floor(((offset + bytes.length) * 8) / 6)
  return digits.slice(first, last)
}

// Enough to find the place by, and nothing of the secret.
function around(all: string, text: string): string {
  const at = all.indexOf(text)
  return JSON.stringify(all.slice(Math.max(0, at - 80), at))
}
