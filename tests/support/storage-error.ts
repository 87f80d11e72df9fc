// The errors of Supabase's storage: the HTTP status is 400 for nearly everything, and the real one stands in the body.

/** A refusal as the body tells it. */
export class StorageError extends Error {
  readonly statusCode: string
  readonly error: string
  readonly code: string

  constructor(statusCode: string, error: string, message: string, code: string) {
    super(message)
    this.statusCode = statusCode
    this.error = error
    this.code = code
  }

  /** The body of the answer. */
  body(): string {
    const { statusCode, error, message, code } = this
    return JSON.stringify({ statusCode, error, message, code })
  }
}

/** The refusals that the real one was seen to give, by their code. */
export const refusals = {
  noSuchKey: () => new StorageError('404', 'not_found', 'Object not found', 'NoSuchKey'),
  noSuchBucket: () => new StorageError('404', 'Bucket not found', 'Bucket not found', 'NoSuchBucket'),
  exists: () => new StorageError('409', 'Duplicate', 'The resource already exists', 'KeyAlreadyExists'),
  tooLarge: () =>
    new StorageError(
      '413',
      'Payload too large',
      'The object exceeded the maximum allowed size',
      'EntityTooLarge',
    ),
  denied: (message: string) => new StorageError('403', 'Unauthorized', message, 'AccessDenied'),
  invalidKey: (key: string) => new StorageError('400', 'InvalidKey', `Invalid key: ${key}`, 'InvalidKey'),
  invalid: (message: string) => new StorageError('400', 'Error', message, 'InvalidRequest'),
} satisfies Record<string, (text: string) => StorageError>
