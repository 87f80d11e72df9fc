// What is refused by HTTP itself, before any method is asked: with a status of its own, and what that status owes the client.
import { GatewayError, type Reason, type StatusName } from '../../core/errors.ts'

/** How a refusal is told. */
export interface RefusalForm {
  /** HTTP status. */
  readonly status: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Code for the log and the metrics. Absent: the usual one of the reason. */
  readonly code?: StatusName | undefined
  /** Path of the field that is wrong, such as `messages[0].content`. Absent: it is about no field. */
  readonly param?: string | undefined
}

/** An error whose HTTP status is not the usual one of its reason. */
export class HttpRefusal extends GatewayError {
  readonly form: RefusalForm

  constructor(reason: Reason, message: string, form: RefusalForm) {
    super(reason, message, { origin: 'client' })
    this.form = form
  }
}

/** Nothing is at that path. */
export function unknownPath(verb: string, path: string): HttpRefusal {
  const asked = `${verb.slice(0, 20)} ${path.slice(0, 200)}`
  return new HttpRefusal('UNSUPPORTED', `nothing is at ${asked}: check the path and the base URL`, {
    status: 404,
    code: 'UNIMPLEMENTED',
  })
}

/** The path takes other methods of HTTP only. */
export function wrongVerb(verb: string, path: string, allowed: readonly string[]): HttpRefusal {
  const allow = allowed.join(', ')
  return new HttpRefusal(
    'INVALID_REQUEST',
    `${path.slice(0, 200)} takes ${allow}, and not ${verb.slice(0, 20)}`,
    { status: 405, headers: { allow } },
  )
}

/** The body has more bytes than the route takes. */
export function tooLarge(maxBytes: number): HttpRefusal {
  const message = `the request body is larger than ${maxBytes} bytes, the most that is taken here`
  return new HttpRefusal('OVERLOADED', message, { status: 413 })
}

/** The body is in a form that is not read here. */
export function wrongType(message: string, headers: Readonly<Record<string, string>> = {}): HttpRefusal {
  return new HttpRefusal('INVALID_REQUEST', message, { status: 415, headers })
}

/** A field of the body is not as it must be; `problem` goes on behind its path. */
export function wrongField(param: string, problem: string): HttpRefusal {
  return new HttpRefusal('INVALID_REQUEST', `${param} ${problem}`, { status: 400, param })
}

/** A field of the body asks for what there is not; `remedy` says what to do. */
export function unsupportedField(param: string, remedy: string): HttpRefusal {
  return new HttpRefusal('UNSUPPORTED', `${param} ${remedy}`, { status: 400, param })
}
