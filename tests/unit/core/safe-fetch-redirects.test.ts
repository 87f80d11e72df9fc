// Redirects of a download: each is checked as if it were the first URL, and there are at most three.
import { createServer } from 'node:https'
import { describe, expect, it } from 'vitest'
import { selfSigned } from '../../support/self-signed.ts'
import { fetchRig, listening, mediaHost, PUBLIC, text } from './safe-fetch-rig.ts'

const refused = (message: string) => ({
  reason: 'INVALID_REQUEST',
  message: expect.stringContaining(message),
})

// A host that redirects /3 to /2, /2 to /1, /1 to /0, and has a cat there.
async function chainHost(status = 302) {
  return mediaHost((request, response) => {
    const left = Number(request.url?.slice(1))
    if (left > 0) response.writeHead(status, { location: `/${left - 1}` })
    response.end(left > 0 ? 'elsewhere' : 'a cat')
  })
}

async function redirectingHost(location: string | undefined, status = 302) {
  return mediaHost((_, response) => {
    response.writeHead(
      status,
      location === undefined ? {} : { location: Buffer.from(location).toString('latin1') },
    )
    response.end()
  })
}

// A rig in which that host stands for public.example.
function publicRig(port: number, names: Readonly<Record<string, readonly (readonly string[])[]>> = {}) {
  return fetchRig({ names: { 'public.example': [[PUBLIC]], ...names }, hosts: { [PUBLIC]: port } })
}

describe('redirects', () => {
  it.each([301, 302, 303, 307, 308])('with the status %d are followed', async status => {
    const host = await chainHost(status)
    const { get } = publicRig(host.port)
    const { bytes, finalUrl } = await get('http://public.example/1#ear')
    expect(text(bytes)).toBe('a cat')
    expect(finalUrl).toBe('http://public.example/0')
  })

  it('are followed three times, and each time the name is resolved and checked anew', async () => {
    const host = await chainHost()
    const { get, asked, dialled } = publicRig(host.port)
    expect((await get('http://public.example/3')).finalUrl).toBe('http://public.example/0')
    expect(asked).toHaveLength(4)
    expect(dialled).toHaveLength(4)
  })

  it('are not followed a fourth time', async () => {
    const host = await chainHost()
    const { get, dialled } = publicRig(host.port)
    await expect(get('http://public.example/4')).rejects.toMatchObject(refused('redirects more than 3 times'))
    expect(dialled).toHaveLength(4)
    expect(host.requests.map(({ url }) => url)).toEqual(['/4', '/3', '/2', '/1'])
    await host.allClosed()
  })

  it('are not followed at all when none is allowed', async () => {
    const host = await chainHost()
    const { get } = fetchRig({ allowPrivate: true, maxRedirects: 0 })
    await expect(get(`http://127.0.0.1:${host.port}/1`)).rejects.toMatchObject(refused('more than 0 times'))
    expect((await get(`http://127.0.0.1:${host.port}/0`)).bytes).toHaveLength(5)
  })

  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://[::ffff:169.254.169.254]/latest/meta-data/',
    '//127.0.0.1/',
    'https://10.0.0.1/',
    'http://private.example/',
    'http://rebound.example/',
  ])('to %s, which is not public, are refused', async location => {
    const host = await redirectingHost(location)
    const { get, dialled } = publicRig(host.port, {
      'private.example': [['192.168.1.1']],
      'rebound.example': [[PUBLIC, '127.0.0.1']],
    })
    await expect(get('http://public.example/')).rejects.toMatchObject(refused('not on the public internet'))
    expect(dialled).toEqual([`${PUBLIC} 80`])
  })

  it('to the same name are refused when it has become private in between', async () => {
    const host = await chainHost()
    const { get, asked, dialled } = publicRig(host.port, { 'public.example': [[PUBLIC], ['127.0.0.1']] })
    await expect(get('http://public.example/1')).rejects.toMatchObject(refused('not on the public internet'))
    expect([asked.length, dialled]).toEqual([2, [`${PUBLIC} 80`]])
  })

  it.each([
    ['ftp://public.example/', 'the redirect of the media URL has the scheme "ftp:"'],
    ['file:///etc/passwd', '"file:"'],
    ['http://user:secret@public.example/', 'user name or password'],
    ['http://256.1.1.1/', 'redirects to no valid URL'],
    [undefined, 'redirects to no valid URL'],
  ])('to %s are refused, also where private addresses are allowed', async (location, message) => {
    const host = await redirectingHost(location)
    const { get } = fetchRig({ allowPrivate: true })
    await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(refused(message))
    expect(host.requests).toHaveLength(1)
  })

  it('from https to http are refused, while those from http to https are followed', async () => {
    const { cert, key } = selfSigned()
    const plain = await redirectingHost('/never-seen')
    const secure = await listening(
      createServer({ cert, key }, (_, response) => {
        response.writeHead(302, { location: `http://127.0.0.1:${plain.port}/` })
        response.end()
      }),
    )
    const front = await redirectingHost(`https://127.0.0.1:${secure.port}/`)
    const { get, dialled } = fetchRig({ allowPrivate: true, ca: cert })
    const failure = get(`http://127.0.0.1:${front.port}/`)
    await expect(failure).rejects.toMatchObject(refused('redirects from https to http'))
    expect(dialled).toEqual([`127.0.0.1 ${front.port}`, `127.0.0.1 ${secure.port}`])
  })

  it('with characters beyond ASCII mean UTF-8', async () => {
    const host = await mediaHost((request, response) => {
      const location = Buffer.from('/猫.png').toString('latin1')
      if (request.url === '/') response.writeHead(302, { location })
      response.end(request.url)
    })
    const { get } = fetchRig({ allowPrivate: true })
    expect(text((await get(`http://127.0.0.1:${host.port}/`)).bytes)).toBe('/%E7%8C%AB.png')
  })

  it.each([300, 304, 305])('are not what the status %d says', async status => {
    const host = await redirectingHost('/elsewhere', status)
    const { get } = fetchRig({ allowPrivate: true })
    await expect(get(`http://127.0.0.1:${host.port}/`)).rejects.toMatchObject(
      refused(`answered HTTP ${status}`),
    )
    expect(host.requests).toHaveLength(1)
  })
})
