// Which URLs may be downloaded, before anything is known about their hosts.
import { shown, unusable } from './safe-fetch-fault.ts'

/**
 * The URL that a caller named, without its fragment. The WHATWG parser has made one form of all ways to write a host by then:
 * decimal, octal and hexadecimal IPv4, percent-encoding, full-width digits, IDNA. Throws INVALID_REQUEST.
 */
export function checkUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null) throw unusable('the media URL is not valid; give an absolute http or https URL')
  return checkParts(url, 'the media URL')
}

/** The URL to which an answer redirects, checked like a caller's; undefined when it does not. Throws INVALID_REQUEST. */
export function redirectTarget(
  from: URL,
  status: number | undefined,
  location: string | undefined,
): URL | undefined {
  if (status === undefined || !REDIRECTS.has(status)) return undefined
  // Node reads headers as latin1, while who writes other characters there means UTF-8.
  const target = location === undefined ? null : URL.parse(Buffer.from(location, 'latin1').toString(), from)
  if (target === null) throw unusable(`the media host ${shown(from.host)} redirects to no valid URL`)
  checkParts(target, 'the redirect of the media URL')
  if (from.protocol === 'https:' && target.protocol !== 'https:')
    throw unusable('the media URL redirects from https to http; give the URL at which it ends')
  return target
}

/** The name or address of a URL's host, as a resolver or a socket wants it: an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
}

// RFC 9110 15.4; 300 and 304 lead nowhere by themselves.
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

// Any port is allowed: media are served on all of them, and it is the address that says what may be reached.
function checkParts(url: URL, what: string): URL {
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw unusable(`${what} has the scheme ${shown(url.protocol)}; only http and https are downloaded`)
  if (url.username !== '' || url.password !== '')
    throw unusable(`${what} carries a user name or password, which is never sent; give a URL without`)
  url.hash = ''
  return url
}
