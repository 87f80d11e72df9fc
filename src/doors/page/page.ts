// Serves the page: its index to whoever wants HTML, its script and style to everybody, and nothing else.
import type { PortRequest, PortResponse } from '../../server/port-handler.ts'
import { type Asset, readAssets } from './assets.ts'

/** The page for browsers. */
export interface Page {
  /** Serves a request that is for the page; false when it is for somebody else. It must not throw. */
  serve(req: PortRequest, res: PortResponse): boolean
  /** Why there is no page, and what helps, as one sentence. Undefined when there is one. */
  readonly missing: string | undefined
}

// Everything comes from this origin, nothing is inline, and no other site may frame the page or read its window.
const SECURITY_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

// One year, the most that RFC 9111 1.2.2 expects to be understood.
const IMMUTABLE = 'public, max-age=31536000, immutable'
const REVALIDATED = 'no-cache'

/** Reads the built page from a folder, once. */
export function createPage(folder: string): Page {
  const assets = readAssets(folder)
  return {
    serve: (req, res) => {
      const path = pathOf(req)
      const isIndex = path === '/'
      // Also of the plain text at the same address, so that no cache mistakes one for the other.
      if (isIndex) vary(res, 'accept, accept-encoding')
      if (req.method !== 'GET' && req.method !== 'HEAD') return false
      if (isIndex && !wantsHtml(req.headers.accept)) return false
      const asset = assets?.get(path)
      if (asset === undefined) return false
      answer(req, res, asset)
      return true
    },
    missing: assets === undefined ? 'the page for browsers is not built here: run npm run build' : undefined,
  }
}

function answer(req: PortRequest, res: PortResponse, asset: Asset): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) res.setHeader(name, value)
  res.setHeader('etag', asset.etag)
  res.setHeader('cache-control', asset.isNamedByHash ? IMMUTABLE : REVALIDATED)
  if (asset.isNamedByHash) vary(res, 'accept-encoding')
  if (isKnown(req.headers['if-none-match'], asset.etag)) {
    res.statusCode = 304
    res.end()
    return
  }
  const isPacked = takesGzip(req.headers['accept-encoding'])
  const body = isPacked ? asset.gzip : asset.plain
  if (isPacked) res.setHeader('content-encoding', 'gzip')
  res.setHeader('content-type', asset.contentType)
  res.setHeader('content-length', String(body.length))
  res.statusCode = 200
  if (req.method === 'HEAD') res.end()
  else res.end(body)
}

// Who decides about origins may have said already what else the answer depends on.
function vary(res: PortResponse, names: string): void {
  const said = res.getHeader('vary')
  res.setHeader('vary', said === undefined ? names : `${said}, ${names}`)
}

// Browsers name it first when a person opens an address; curl and scripts send */* or nothing.
function wantsHtml(accept: string | undefined): boolean {
  return listOf(accept).some(({ name, quality }) => name === 'text/html' && quality > 0)
}

function takesGzip(accepted: string | string[] | undefined): boolean {
  const codings = listOf(typeof accepted === 'string' ? accepted : accepted?.join(','))
  const named = codings.find(({ name }) => name === 'gzip') ?? codings.find(({ name }) => name === '*')
  return named !== undefined && named.quality > 0
}

/** The items of a header such as `gzip;q=0.5, *` (RFC 9110 12.4.2). */
function listOf(header = ''): readonly { readonly name: string; readonly quality: number }[] {
  return header.split(',').map(item => {
    const [name = '', ...parameters] = item.split(';').map(part => part.trim().toLowerCase())
    const weight = parameters.find(parameter => parameter.startsWith('q='))
    return { name, quality: weight === undefined ? 1 : Number(weight.slice(2)) }
  })
}

// The comparison is weak, RFC 9110 13.1.2: a proxy that compressed may have marked the tag so.
function isKnown(condition: string | undefined, etag: string): boolean {
  return (condition ?? '').split(',').some(item => {
    const tag = item.trim().replace(/^W\//, '')
    return tag === '*' || tag === etag
  })
}

function pathOf(req: PortRequest): string {
  return (req.url ?? '').split('?', 1)[0] ?? ''
}
