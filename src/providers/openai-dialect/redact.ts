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

/** Makes a function that masks the given secrets and everything shaped like one. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const known = secrets.filter(secret => secret.length >= SECRET_CHARS_MIN)
  return text => {
    let clean = text
    for (const secret of known) clean = clean.replaceAll(secret, MASK)
    for (const shape of secretShapes) clean = clean.replace(shape, MASK)
    return clean
  }
}
