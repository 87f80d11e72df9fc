// What can go wrong with Redis, in words that hold no secret: errors of the driver may carry the password and are never logged.

/** Why a command, or all of them, do not get through. */
export type RedisFault =
  /** There is no connection. */
  | 'connection'
  /** It does not take the name or the password of the URL, or does not let that user do what is needed. */
  | 'login'
  /** It did not answer in time. */
  | 'timeout'
  /** It answered with an error, such as being out of memory or a replica. */
  | 'answer'

/** A fault and its code, such as `ECONNREFUSED` or `WRONGPASS`; empty when it has none. */
export interface RedisFailure {
  readonly fault: RedisFault
  readonly code: string
}

const LOGIN_CODES: ReadonlySet<string> = new Set(['WRONGPASS', 'NOAUTH', 'NOPERM'])

/** Tells what an error of the driver stands for. */
export function failureOf(caught: unknown): RedisFailure {
  if (!(caught instanceof Error)) return { fault: 'connection', code: '' }
  if (caught.name !== 'ReplyError') {
    const code = 'code' in caught && typeof caught.code === 'string' ? caught.code : ''
    return { fault: 'connection', code }
  }
  // The first word of an error is its code: the protocol knows no other place for it.
  const code = /^[A-Z]+(?= |$)/.exec(caught.message)?.[0] ?? ''
  return { fault: LOGIN_CODES.has(code) ? 'login' : 'answer', code }
}
