// Lets pages of chosen origins call from a browser (https://fetch.spec.whatwg.org/#http-cors-protocol).
import type { PortRequest, PortResponse } from './port-handler.ts'

/** What browsers must be allowed to send and read for the doors to work. */
export interface CorsNeeds {
  readonly methods: readonly string[]
  readonly requestHeaders: readonly string[]
  readonly responseHeaders: readonly string[]
}

/** Answers browsers. */
export interface Cors {
  /** Whether a page of this origin may call, as it stands in the header. */
  allows(origin: string): boolean
  /** Marks an answer as readable by the page that asked, if its origin is allowed. */
  expose(req: PortRequest, res: PortResponse): void
  /** Answers a preflight request; false when it is none. */
  preflight(req: PortRequest, res: PortResponse): boolean
}

// Browsers cap it themselves: Chromium at two hours, Firefox at a day.
const MAX_AGE_SECONDS = 7_200

/** Makes the answers for these origins: exact ones such as `https://app.example.org`, or `*` for all. Empty: none, and no header. */
export function createCors(origins: readonly string[], ...needs: readonly CorsNeeds[]): Cors {
  const isAnyone = origins.includes('*')
  const allowed = new Set(origins.map(origin => origin.toLowerCase().replace(/\/$/, '')))
  const listed = (of: (need: CorsNeeds) => readonly string[], ...more: readonly string[]): string =>
    [...new Set([...needs.flatMap(of), ...more])].join(', ')
  const methods = listed(need => need.methods)
  const requestHeaders = listed(need => need.requestHeaders, 'authorization', 'x-api-key', 'x-request-id')
  const responseHeaders = listed(need => need.responseHeaders, 'x-request-id')

  const allows = (origin: string): boolean => isAnyone || allowed.has(origin.toLowerCase())
  const allow = (req: PortRequest, res: PortResponse): boolean => {
    const { origin } = req.headers
    if (origins.length === 0) return false
    // Also without an Origin: a cache must not hand this answer to a page.
    if (!isAnyone) res.setHeader('vary', 'Origin')
    if (origin === undefined || !allows(origin)) return false
    res.setHeader('access-control-allow-origin', isAnyone ? '*' : origin)
    return true
  }
  return {
    allows,
    expose: (req, res) => {
      if (allow(req, res)) res.setHeader('access-control-expose-headers', responseHeaders)
    },
    preflight: (req, res) => {
      const asked = req.headers['access-control-request-method']
      if (req.method !== 'OPTIONS' || asked === undefined || origins.length === 0) return false
      if (allow(req, res)) {
        res.setHeader('access-control-allow-methods', methods)
        res.setHeader('access-control-allow-headers', requestHeaders)
        res.setHeader('access-control-max-age', String(MAX_AGE_SECONDS))
      }
      res.statusCode = 204
      res.end()
      return true
    },
  }
}
