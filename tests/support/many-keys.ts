// Keys for services that meet many refusals in one test file: each refused key is out for a while, and the next one answers.

const KEYS = 200

/** So many different keys, each with `stem` in it. */
export function manyKeys(stem = 'test-key'): readonly string[] {
  return Array.from({ length: KEYS }, (_, index) => `${stem}-${index + 1}`)
}
