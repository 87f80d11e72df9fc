// How the configuration gets at files, and how it says that it could not.

/** Gives the text of a file; throws what node:fs throws. */
export type ReadFile = (path: string) => string

/** The system's short name of a read error, such as `ENOENT`. */
export function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : 'unreadable'
}
