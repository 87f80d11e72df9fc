// Who may call a gateway without authentication, by Host and Origin.
import { describe, expect, test } from 'vitest'
import { isLoopbackAddress, isLoopbackAuthority, isLoopbackOrigin } from '../../../src/server/hosts.ts'

describe('a host', () => {
  test.each([
    'localhost',
    'LOCALHOST:8080',
    'localhost.',
    'localhost.:80',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.9.9.9',
    '[::1]',
    '[::1]:8080',
  ])('%s is this machine', host => expect(isLoopbackAuthority(host)).toBe(true))

  test.each([
    'example.org',
    'localhost.evil',
    'localhost.evil:8080',
    'evil.localhost',
    'localhost..',
    'localhost:',
    'localhost:port',
    'localhost:123456',
    'localhost@evil.org',
    'evil.org#localhost',
    'localhost/evil',
    ' localhost',
    '127.0.0.1.nip.io',
    '127.1',
    '127.0.0.1.',
    '2130706433',
    '0.0.0.0',
    '192.168.0.1',
    '::1',
    '[::2]',
    '[::1].evil',
    '[::ffff:127.0.0.1%25]',
    '',
  ])('%j is somebody else', host => expect(isLoopbackAuthority(host)).toBe(false))
})

describe('an origin', () => {
  test.each(['http://localhost', 'https://localhost:5173', 'http://127.0.0.1:3000', 'http://[::1]:3000'])(
    '%s is a page of this machine',
    origin => expect(isLoopbackOrigin(origin)).toBe(true),
  )

  test.each([
    'null',
    '',
    'https://example.org',
    'http://localhost.evil',
    'file://localhost',
    'chrome-extension://localhost',
    'http://',
  ])('%j is not', origin => expect(isLoopbackOrigin(origin)).toBe(false))
})

describe('an address', () => {
  test.each(['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])('%s is loopback', address =>
    expect(isLoopbackAddress(address)).toBe(true),
  )
  test.each(['10.0.0.1', '::ffff:10.0.0.1', 'fe80::1', '', undefined])('%s is not', address =>
    expect(isLoopbackAddress(address)).toBe(false),
  )
})
