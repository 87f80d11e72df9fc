// Which URLs and hosts a download refuses, and that it connects to nothing but what it has checked.
import { describe, expect, it } from 'vitest'
import { SAFE_FETCH_LIMITS } from '../../../src/core/safe-fetch.ts'
import { fetchRig, mediaHost, PUBLIC, text } from './safe-fetch-rig.ts'

const refused = (message: string) => ({
  reason: 'INVALID_REQUEST',
  message: expect.stringContaining(message),
})
const NOT_PUBLIC = refused('not on the public internet')

describe('a URL', () => {
  it.each([
    ['', 'not valid'],
    ['cat.png', 'not valid'],
    ['//example.com/cat.png', 'not valid'],
    ['http://', 'not valid'],
    ['http://256.1.1.1/', 'not valid'],
    ['http://1.2.3.4.5/', 'not valid'],
    ['http://exa mple.com/', 'not valid'],
    ['http://example.com:65536/', 'not valid'],
    ['http://[fe80::1%25eth0]/', 'not valid'],
    ['ftp://example.com/cat.png', '"ftp:"; only http and https'],
    ['file:///etc/passwd', '"file:"; only http and https'],
    ['data:image/png;base64,AAAA', '"data:"; only http and https'],
    ['gopher://example.com:6379/_INFO', '"gopher:"; only http and https'],
    ['ws://example.com/', '"ws:"; only http and https'],
    ['http://user@example.com/', 'user name or password'],
    ['http://user:secret@example.com/', 'user name or password'],
    ['http://:secret@example.com/', 'user name or password'],
    ['http://example.com@127.0.0.1/', 'user name or password'],
  ])('%j is refused before its host is looked up', async (url, message) => {
    const { get, asked, dialled } = fetchRig({ allowPrivate: true })
    const failure = await get(url).catch((error: unknown) => error)
    expect(failure).toMatchObject(refused(message))
    expect(String(failure)).not.toContain('secret')
    expect([asked, dialled]).toEqual([[], []])
  })

  it.each([
    'http://127.0.0.1/',
    'http://127.0.0.1:8080/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://017700000001/',
    'http://127.0.0.1./',
    'http://127.0.1/',
    'http://%31%32%37.0.0.1/',
    'http://127%2e0%2e0%2e1/',
    'http://127。0。0。1/',
    'http://１２７．０．０．１/',
    'http://①②⑦.⓪.⓪.①/',
    'http:\\\\127.0.0.1\\cat.png',
    'http:127.0.0.1',
    'ht\ntp://127.0.\t0.1/',
    'http://@127.0.0.1/',
    'http://0/',
    'http://0.0.0.0/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://0xa9.0xfe.0xa9.0xfe/',
    'http://[::]/',
    'http://[::1]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::127.0.0.1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[0:0:0:0:0:FFFF:127.0.0.1]/',
    'http://[64:ff9b::169.254.169.254]/',
    'http://[2002:7f00:1::]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'https://[ff02::1]/',
  ])('%j is one of an address that is not public, however it is written', async url => {
    const { get, asked, dialled } = fetchRig()
    await expect(get(url)).rejects.toMatchObject(NOT_PUBLIC)
    expect([asked, dialled]).toEqual([[], []])
  })

  it.each([
    ['http://93.184.216.34/', '93.184.216.34 80'],
    ['https://93.184.216.34/', '93.184.216.34 443'],
    ['http://0x5db8d822/', '93.184.216.34 80'],
    ['http://1572395042:8443/', '93.184.216.34 8443'],
    ['http://93.184.216.34:0/', '93.184.216.34 0'],
    ['http://[2606:4700:4700::1111]:81/', '2606:4700:4700::1111 81'],
    ['http://[::ffff:8.8.8.8]/', '::ffff:808:808 80'],
  ])('%s of a public address is dialled, and no resolver is asked', async (url, target) => {
    const { get, asked, dialled } = fetchRig()
    await expect(get(url)).rejects.toMatchObject(refused("can't be reached"))
    expect([asked, dialled]).toEqual([[], [target]])
  })

  it.each([
    ['http://EXAMPLE.com/', 'example.com'],
    ['http://exam%70le.com/', 'example.com'],
    ['http://ｅｘａｍｐｌｅ.com/', 'example.com'],
    ['http://ⓔⓧⓐⓜⓟⓛⓔ。com/', 'example.com'],
    ['http://bücher.example/', 'xn--bcher-kva.example'],
    ['http://example.com./', 'example.com.'],
    ['http://localhost/', 'localhost'],
    ['http://ⓛocalhost/', 'localhost'],
  ])('%s is looked up as %s', async (url, name) => {
    const { get, asked, dialled } = fetchRig({ names: { [name]: [['127.0.0.1']] } })
    await expect(get(url)).rejects.toMatchObject(NOT_PUBLIC)
    expect([asked, dialled]).toEqual([[name], []])
  })
})

describe('the addresses of a host', () => {
  it.each([
    [['10.1.2.3']],
    [[PUBLIC, '10.1.2.3']],
    [['10.1.2.3', PUBLIC]],
    [[PUBLIC, '2606:4700:4700::1111', '::1']],
    [[PUBLIC, '::ffff:127.0.0.1']],
    [[PUBLIC, 'fe80::1%eth0']],
    [[PUBLIC, '8.8.8.8', '1.1.1.1', '9.9.9.9', '8.8.4.4', '192.168.0.1']],
  ])('%j are refused, because one of them is not public', async addresses => {
    const { get, asked, dialled } = fetchRig({ names: { 'media.example': [addresses] } })
    const failure = await get('http://media.example/cat.png').catch((error: unknown) => error)
    expect(failure).toMatchObject(NOT_PUBLIC)
    expect(failure).toMatchObject(refused('ALLOW_PRIVATE_URLS'))
    expect(failure).toMatchObject(refused('"media.example"'))
    for (const address of addresses) expect(String(failure)).not.toContain(address)
    expect([asked, dialled]).toEqual([['media.example'], []])
  })

  it('are asked for once and connected to, so that a name that changes its mind gains nothing', async () => {
    const host = await mediaHost((_, response) => response.end('a cat'))
    const { get, asked, dialled } = fetchRig({
      names: { 'media.example': [[PUBLIC], ['127.0.0.1']] },
      hosts: { [PUBLIC]: host.port },
    })
    const { bytes } = await get('http://media.example:8081/cat.png?size=1#ear')
    expect(text(bytes)).toBe('a cat')
    expect(asked).toEqual(['media.example'])
    expect(dialled).toEqual([`${PUBLIC} 8081`])
    expect(host.requests[0]?.headers.host).toBe('media.example:8081')
    expect(host.requests[0]?.url).toBe('/cat.png?size=1')
    // The next download asks anew, and meets the second answer at the check.
    await expect(get('http://media.example:8081/')).rejects.toMatchObject(NOT_PUBLIC)
    expect([asked.length, dialled.length]).toEqual([2, 1])
  })

  it('are all dialled without a check when the operator allows private ones', async () => {
    const host = await mediaHost((_, response) => response.end('a cat'))
    const { get, dialled } = fetchRig({ allowPrivate: true, names: { 'nas.lan': [['127.0.0.1']] } })
    const { finalUrl } = await get(`http://nas.lan:${host.port}/cat.png#ear`)
    expect(finalUrl).toBe(`http://nas.lan:${host.port}/cat.png`)
    expect(dialled).toEqual([`127.0.0.1 ${host.port}`])
  })
})

describe('a request', () => {
  it('carries nothing of the caller and asks for no compression', async () => {
    const host = await mediaHost((_, response) => response.end())
    const { get } = fetchRig({ allowPrivate: true })
    await get(`http://127.0.0.1:${host.port}/`, { acceptTypes: ['image/png', 'application/*'] }).catch(
      () => 0,
    )
    await get(`http://127.0.0.1:${host.port}/`)
    const [typed, open] = host.requests.map(({ method, headers }) => ({ method, ...headers }))
    const always = {
      method: 'GET',
      host: `127.0.0.1:${host.port}`,
      'accept-encoding': 'identity',
      'user-agent': 'exai',
      connection: 'close',
    }
    expect(typed).toEqual({ ...always, accept: 'image/png, application/*' })
    expect(open).toEqual({ ...always, accept: '*/*' })
  })
})

describe('the limits of time', () => {
  it('are 5 s to connect, 10 s of silence and 20 s altogether', () => {
    expect(SAFE_FETCH_LIMITS).toEqual({ connectMs: 5000, idleMs: 10_000, totalMs: 20_000 })
  })
})
