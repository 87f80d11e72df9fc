// Takes keys out of texts that providers wrote, before such a text may reach a caller or a log.

const MASK = '[redacted]'

// The prefixes that vendors give their keys, `Bearer` values, JSON web tokens, GLM's `<32 hex>.<16>` and long runs of
// letters and digits. Providers quote the key that they refuse, some with asterisks in its middle.
const secretShapes = [
  /\b(?:Bearer|Basic)\s+[A-Za-z0-9._~+/=*-]{6,}/gi,
  /\b(?:sk|pk|rk|ak|gsk|xai|hf|ghp|key|tok|AKIA|AIza|xox[a-z])[-_]?[A-Za-z0-9*][A-Za-z0-9_*-]{10,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}/g,
  /\b[0-9a-f]{32}\.[A-Za-z0-9]{8,}/gi,
  /\b(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{40,}/g,
]
// Shorter ones would take common words out of messages.
const SECRET_CHARS_MIN = 6

/** Texts up to this length are remembered, in characters, and so many of them. */
const NAME_CHARS_MAX = 64
const NAMES_MAX = 256

/** Makes a function that masks the given secrets and everything shaped like one. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  // The longest first: masking one that begins another would leave the rest of that.
  const known = secrets
    .filter(secret => secret.length >= SECRET_CHARS_MIN)
    .toSorted((one, other) => other.length - one.length)
  // The names of models and tiers come with every answer.
  const cleaned = new Map<string, string>()

  function cleanOf(text: string): string {
    let clean = text
    for (const secret of known) clean = clean.replaceAll(secret, MASK)
    for (const shape of secretShapes) clean = clean.replace(shape, MASK)
    return clean
  }

  return text => {
    if (text.length > NAME_CHARS_MAX) return cleanOf(text)
    const known = cleaned.get(text)
    if (known !== undefined) return known
    if (cleaned.size >= NAMES_MAX) cleaned.clear()
    const clean = cleanOf(text)
    cleaned.set(text, clean)
    return clean
  }
}

// Header fields of settings by which hosts know who asks: `api-key`, `x-auth-token`, `cookie`, `x-portkey-virtual-key`.
const secretFields = /auth|key|token|secret|cookie|passw|credential|signature/i

/** Everything secret in the settings of a provider: its keys, and what of its own header fields lets somebody in. */
export function secretsOf(
  keys: readonly { readonly secret: string }[],
  headers: Readonly<Record<string, string>> = {},
): readonly string[] {
  const told = Object.entries(headers).filter(([name]) => secretFields.test(name))
  // The value whole, and without a scheme before it.
  return [...keys.map(key => key.secret), ...told.flatMap(([, value]) => [value, ...value.split(/\s+/)])]
}
