// The kinds of settings: what a text must be like, and what it becomes.

import { isIP } from 'node:net'

/** What became of a text. The problem ends a sentence that begins with the setting's name, and never quotes the text. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string }

/** One kind of setting. */
export interface Kind<T> {
  /** What a right value is, as the settings table shows it. */
  readonly label: string
  /** Reads a trimmed text that is not empty. */
  parse(text: string): Parsed<T>
}

/** Both ends are allowed. */
export interface Range {
  readonly min: number
  readonly max: number
}

/** Any text of one line. */
export const text: Kind<string> = {
  label: 'text',
  parse: value =>
    /\p{Cc}/u.test(value) ? failed('must be one line without control characters') : parsed(value),
}

/** The path of a file or folder; it is not looked at here. */
export const path: Kind<string> = { ...text, label: 'path' }

/** A whole number. */
export function integer({ min, max }: Range): Kind<number> {
  const label = `${min} to ${max}`
  return {
    label,
    parse: value => {
      const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN
      return number >= min && number <= max ? parsed(number) : failed(`must be a whole number, ${label}`)
    },
  }
}

/** The most processes that serve a port. */
export const PROCESSES_MAX = 64

/** How many processes: a number, or `auto` for as many as there are cores. */
export const processes: Kind<number | 'auto'> = {
  label: `1 to ${PROCESSES_MAX}, or auto`,
  parse: value => {
    if (value === 'auto') return parsed(value)
    const number = /^\d{1,3}$/.test(value) ? Number(value) : Number.NaN
    return number >= 1 && number <= PROCESSES_MAX
      ? parsed(number)
      : failed(`must be a whole number, 1 to ${PROCESSES_MAX}, or auto`)
  },
}

/** Seconds, with decimals if need be; it becomes whole milliseconds. */
export function seconds({ min, max }: Range): Kind<number> {
  const label = `${min} to ${max}`
  return {
    label,
    parse: value => {
      const number = /^\d{1,9}(\.\d{1,9})?$/.test(value) ? Number(value) : Number.NaN
      return number >= min && number <= max
        ? parsed(Math.round(number * 1000))
        : failed(`must be a number of seconds, ${label}`)
    },
  }
}

/** A share, from 0 to 1. */
export const ratio: Kind<number> = {
  label: '0 to 1',
  parse: value =>
    /^(0?\.\d{1,9}|[01](\.\d{1,9})?)$/.test(value) && Number(value) <= 1
      ? parsed(Number(value))
      : failed('must be a number, 0 to 1'),
}

/** `1` or `0`; `true` and `false` are taken, too. */
export const boolean: Kind<boolean> = {
  label: '0 or 1',
  parse: value => {
    switch (value.toLowerCase()) {
      case '1':
      case 'true':
        return parsed(true)
      case '0':
      case 'false':
        return parsed(false)
      default:
        return failed('must be 0 or 1')
    }
  },
}

/** One of some words, in any letter case. */
export function oneOf<const T extends string>(words: readonly T[]): Kind<T> {
  const label = words.join(', ')
  return {
    label,
    parse: value => {
      const word = words.find(one => one === value.toLowerCase())
      return word === undefined ? failed(`must be one of ${label}`) : parsed(word)
    },
  }
}

/** An address or host name to listen on, without a port; an IPv6 address may stand in brackets. */
export const host: Kind<string> = {
  label: 'address or host name',
  parse: value => {
    const bare = /^\[.*\]$/.test(value) ? value.slice(1, -1) : value
    return isIP(bare) > 0 || /^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/.test(bare)
      ? parsed(bare)
      : failed('must be an IP address or a host name, without scheme and port')
  },
}

/** The address below which a provider's paths lie; it becomes one without a slash at its end. */
export const baseUrl: Kind<string> = {
  label: 'URL',
  parse: value => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol))
      return failed('must be an absolute URL that begins with http:// or https://')
    if (url.username !== '' || url.password !== '')
      return failed('must not contain a user or password: give the key in its own setting')
    if (/[?#]/.test(value)) return failed('must be a URL without query and fragment: end it with its path')
    return parsed(url.href.replace(/\/+$/, ''))
  },
}

/** Where keys of tokens are published: over TLS, or on this machine. */
export const keySetUrl: Kind<string> = {
  label: 'URL',
  parse: value => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    const isLocal = url !== undefined && /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(url.hostname)
    if (url === undefined || !(url.protocol === 'https:' || (url.protocol === 'http:' && isLocal)))
      return failed('must be an absolute URL that begins with https://, or with http:// on this machine')
    if (url.username !== '' || url.password !== '' || url.hash !== '')
      return failed('must not contain a user, password or fragment')
    return parsed(url.href)
  },
}

/** A secret text. */
export const secret: Kind<string> = { ...text, label: 'secret' }

/** Where a Redis is, with its password. */
export const redisUrl: Kind<string> = {
  label: 'secret',
  parse: value =>
    URL.canParse(value) && /^rediss?:$/.test(new URL(value).protocol)
      ? parsed(value)
      : failed('must be a URL that begins with redis:// or rediss://'),
}

/** A text for a header field: visible ASCII without spaces. */
export const headerText: Kind<string> = {
  label: 'text',
  parse: value =>
    /^[\x21-\x7e]{1,256}$/.test(value)
      ? parsed(value)
      : failed('must be at most 256 visible ASCII characters without spaces'),
}

/** Header fields as OpenTelemetry writes them: `name=value` with commas between them, values with percent signs as in URLs. */
export const headers: Kind<Readonly<Record<string, string>>> = {
  label: 'header fields, comma-separated',
  parse: value => {
    const fields: [string, string][] = []
    for (const entry of value.split(',')) {
      const [, name, text] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(entry) ?? []
      const decoded = text === undefined ? undefined : unescaped(text)
      if (name === undefined || decoded === undefined)
        return failed('must hold fields such as name=value, with commas between them')
      fields.push([name.toLowerCase(), decoded])
    }
    return parsed(Object.fromEntries(fields))
  },
}

/** Undefined for what is no text that a header field may have. */
function unescaped(text: string): string | undefined {
  const isSound = /^(?:[\x20-\x24\x26-\x7e]|%[\da-fA-F]{2})*$/.test(text)
  const decoded = text.replace(/%([\da-fA-F]{2})/g, fromHex)
  return isSound && /^[\x20-\x7e]*$/.test(decoded) ? decoded : undefined
}

function fromHex(_: string, digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 16))
}

/** Keys with commas between them, each fit for a header (visible ASCII). A repeated key counts once. */
export const secrets: Kind<readonly string[]> = {
  label: 'secrets, comma-separated',
  parse: value => {
    const keys = value.split(',').map(key => key.trim())
    if (keys.includes('')) return failed('has an empty entry: remove the extra comma')
    if (keys.some(key => /["']/.test(key)))
      return failed('contains a quotation mark: give the keys without quotes')
    if (keys.some(key => !/^[\x21-\x7e]+$/.test(key)))
      return failed('contains a space, a control or a non-ASCII character: copy the key again')
    return parsed([...new Set(keys)])
  },
}

/** Origins of web pages with commas between them, each as a browser sends it. */
export const origins: Kind<readonly string[]> = {
  label: 'origins, comma-separated',
  parse: value => {
    const all = value.split(',').map(origin => origin.trim().replace(/\/$/, ''))
    if (all.includes('*')) return failed('must not be *, which lets every web page in: name the origins')
    const wrong = all.some(origin => !/^https?:/i.test(origin) || originOf(origin) !== origin.toLowerCase())
    return wrong
      ? failed('must hold origins such as https://app.example.com, without path, with commas between them')
      : parsed([...new Set(all.map(origin => origin.toLowerCase()))])
  },
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined
}

function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value }
}

function failed(problem: string): Parsed<never> {
  return { ok: false, problem }
}
