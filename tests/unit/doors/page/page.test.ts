// The page door over a real socket: who gets the page, in which form, under which headers, and what it weighs.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../../src/core/clock.ts'
import { createPage } from '../../../../src/doors/page/page.ts'
import { createRoutes } from '../../../../src/server/routes.ts'
import { builtPage } from '../../../browser/support/built-page.ts'
import { root } from '../../../support/tools.ts'

const HTML = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
const folder = join(root, 'web/dist')

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Asks for a path of a server whose page is in a folder. */
async function get(
  path: string,
  headers: Record<string, string> = {},
  from = folder,
  method = 'GET',
): Promise<Answer> {
  const server = createServer(
    createRoutes({
      version: '1.2.3',
      clock: systemClock,
      health: () => ({ status: 'healthy', components: {} }),
      isReady: () => true,
      metrics: () => Promise.resolve({ contentType: 'text/plain', text: '' }),
      isMetricsPublic: false,
      page: createPage(from),
      onFault: () => undefined,
    }),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  // Listening on TCP: never a path.
  const { port } = server.address() as AddressInfo
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) =>
      request({ host: '127.0.0.1', port, path, headers, method }, resolve).on('error', reject).end(),
    )
    return { status: response.statusCode ?? 0, headers: response.headers, body: await buffer(response) }
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const assets = (): readonly string[] =>
  readdirSync(join(folder, 'assets')).filter(name => !name.endsWith('.gz'))
const scriptPath = (): string => `/assets/${assets().find(name => name.endsWith('.js'))}`

describe('the page door', () => {
  beforeAll(builtPage)

  test('gives the page to browsers and the plain text to everybody else', async () => {
    const page = await get('/', { accept: HTML })
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(page.body.toString()).toContain(scriptPath())
    for (const accept of ['*/*', 'text/plain', 'application/json', 'text/html;q=0']) {
      const text = await get('/', { accept })
      expect(text.headers['content-type'], accept).toBe('text/plain; charset=utf-8')
      expect(text.body.toString()).toContain('Ask a model:')
      expect(text.headers['vary']).toContain('accept')
    }
  })

  test('allows nothing but its own files, and no frame, and tells nobody where its reader came from', async () => {
    for (const path of ['/', scriptPath()]) {
      const { headers } = await get(path, { accept: HTML })
      expect(headers['content-security-policy']).toContain("default-src 'none'")
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
      expect(headers['content-security-policy']).not.toContain('unsafe')
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
      })
    }
  })

  test('packs its files for those who can unpack them, and the bytes are the same', async () => {
    const plain = await get(scriptPath())
    const packed = await get(scriptPath(), { 'accept-encoding': 'gzip, br' })
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(packed.headers['content-encoding']).toBe('gzip')
    expect(packed.headers['vary']).toContain('accept-encoding')
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true)
    expect(
      (await get(scriptPath(), { 'accept-encoding': 'gzip;q=0, *' })).headers['content-encoding'],
    ).toBeUndefined()
  })

  test('lets files named by their hash be kept for ever, and the index only until it changes', async () => {
    expect((await get(scriptPath())).headers['cache-control']).toContain('immutable')
    const { headers } = await get('/', { accept: HTML })
    expect(headers['cache-control']).toBe('no-cache')
    const etag = headers.etag ?? ''
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await get('/', { accept: HTML, 'if-none-match': known })
      expect(again.status, known).toBe(304)
      expect(again.body.length).toBe(0)
      expect(again.headers.etag).toBe(etag)
    }
    expect((await get('/', { accept: HTML, 'if-none-match': '"other"' })).status).toBe(200)
  })

  test('answers HEAD with the header alone, and no path leads out of its folder', async () => {
    const head = await get('/', { accept: HTML }, folder, 'HEAD')
    expect(head.status).toBe(200)
    expect(Number(head.headers['content-length'])).toBeGreaterThan(100)
    expect(head.body.length).toBe(0)
    for (const path of ['/assets/', '/assets/../index.html', '/assets/%2e%2e/package.json', '/index.html.gz'])
      expect((await get(path, { accept: HTML })).status, path).toBe(404)
    expect((await get('/', { accept: HTML }, folder, 'POST')).status).toBe(405)
  })

  test('weighs less than 150 KB gzipped in all, and names no other host', () => {
    const names = ['index.html', ...assets().map(name => join('assets', name))]
    const size = names.reduce((sum, name) => sum + readFileSync(join(folder, `${name}.gz`)).length, 0)
    expect(size).toBeLessThan(150_000)
    const index = readFileSync(join(folder, 'index.html'), 'utf8')
    expect(index.match(/(?:src|href)="(?!\/assets\/|data:)/g)).toBeNull()
  })
})

describe('without a built page', () => {
  const empty = mkdtempSync(join(tmpdir(), 'exai-no-page-'))
  afterAll(() => rmSync(empty, { recursive: true }))

  test('a browser gets the plain text too, and it says what is missing', async () => {
    const { status, headers, body } = await get('/', { accept: HTML }, empty)
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(body.toString()).toContain('the page for browsers is not built here: run npm run build')
  })
})
