// Routes of a door over HTTP: which RPC stands behind a method and a path, and what a call brings and gets.
import type { JsonObject } from '@bufbuild/protobuf'
import type { Exchange } from '../../server/exchange.ts'
import type { Form } from './form.ts'
import type { Frame } from './frame.ts'

/** One call of a route. */
export interface HttpCall {
  /** To be handed to the service as its call. */
  readonly exchange: Exchange
  /** What the path says, by the names of its pattern, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** The value of a header; empty when it is not there. */
  header(name: string): string
  /** Reads the body, which must be one JSON object. Throws what the client is to be told. To be called once at most. */
  json(): Promise<JsonObject>
  /** Reads the body as a form with one file, which streams through. Throws what the client is to be told. To be called once at most. */
  form(): Promise<Form>
}

/** What a route answers. */
export type HttpReply =
  | {
      readonly type: 'json'
      /** Absent: 200. */
      readonly status?: number
      readonly value: unknown
      readonly headers?: Readonly<Record<string, string>>
    }
  /** A stream of events. What it throws before its first frame is an ordinary error answer; later it ends with the door's error frames. */
  | {
      readonly type: 'events'
      readonly frames: AsyncIterable<Frame>
      readonly headers?: Readonly<Record<string, string>>
    }
  /** Bytes as they are. What it throws before its first piece is an ordinary error answer; later the connection is cut. */
  | {
      readonly type: 'bytes'
      readonly chunks: AsyncIterable<Uint8Array>
      /** At least `content-type`. */
      readonly headers: Readonly<Record<string, string>>
    }

/** One route. */
export interface Route {
  readonly verb: 'GET' | 'POST' | 'DELETE'
  /** Such as `/v1/files/{file_id}`; `{model+}` stands for one segment or more, so that a name may have slashes. */
  readonly path: string
  /** The RPC that it stands for, such as `exai.v1.ChatService/Complete`: scopes, limits and metrics go by it. */
  readonly rpc: string
  /** The largest body in bytes. Absent: that of the door. */
  readonly maxRequestBytes?: number
  readonly handle: (call: HttpCall) => Promise<HttpReply>
}

/** Where a request goes. */
export type Target =
  | { readonly route: Route; readonly params: Readonly<Record<string, string>> }
  /** The path is known with other methods of HTTP. Empty: it is not known at all. */
  | { readonly route?: undefined; readonly allowed: readonly string[] }

/** Finds the route of a request. */
export type Router = (verb: string, path: string) => Target

/** Makes the router of these routes; of two that fit a path the earlier one counts. HEAD is served as GET. */
export function createRouter(routes: readonly Route[]): Router {
  const patterns = routes.map(route => ({ route, pattern: patternOf(route.path) }))
  const search = (path: string): readonly Fitting[] =>
    patterns.flatMap(({ route, pattern }) => {
      const match = pattern.exec(path)
      return match === null ? [] : [{ route, params: decoded(match.groups) }]
    })
  // A path without names fits the same routes each time.
  const known = new Map(
    routes.filter(({ path }) => !path.includes('{')).map(({ path }) => [path, search(path)]),
  )
  return (verb, path) => {
    const fitting = known.get(path) ?? search(path)
    const wanted = verb === 'HEAD' ? 'GET' : verb
    return (
      fitting.find(({ route }) => route.verb === wanted) ?? {
        allowed: [...new Set(fitting.map(({ route }) => route.verb))],
      }
    )
  }
}

type Fitting = Extract<Target, { readonly route: Route }>

function patternOf(path: string): RegExp {
  const source = path
    .replace(/[.]/g, '\\.')
    .replace(/\{(\w+)\+\}/g, '(?<$1>.+?)')
    .replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')
  // Clients with a base URL that ends in a slash, and those that put one at the end, mean the same.
  return new RegExp(`^${source}/?$`)
}

function decoded(groups: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodedText(value)]))
}

// What cannot be decoded names nothing, and is not found as it stands.
function decodedText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
