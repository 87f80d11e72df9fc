// The example of a page of another origin, in a real browser against a real service, with and without CORS_ORIGINS.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Service, startService } from '../support/running-server.ts'
import { root } from '../support/tools.ts'
import { chromiumPath, launchBrowser } from './support/browser.ts'

const STEPS = ['chat', 'stream', 'resume', 'tools', 'files', 'watch', 'errors', 'deadline', 'cancel']

describe.skipIf(chromiumPath === undefined)('a page of another origin', () => {
  let browser: Browser
  let site: Server
  let origin: string

  beforeAll(async () => {
    const folder = join(root, 'examples/browser')
    const [script] = buildSync({
      entryPoints: [join(folder, 'tour.ts')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      tsconfig: join(folder, 'tsconfig.json'),
      write: false,
    }).outputFiles
    site = createServer((request, response) => {
      const isScript = request.url?.startsWith('/tour.js') === true
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
      response.end(isScript ? script?.text : readFileSync(join(folder, 'index.html')))
    })
    site.listen(0, '127.0.0.1')
    await once(site, 'listening')
    // A TCP server that listens has an address of this kind.
    origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
    browser = await launchBrowser()
  })
  afterAll(async () => {
    await browser.close()
    site.close()
  })

  async function visit(service: Service): Promise<readonly string[]> {
    const page = await browser.newPage()
    try {
      await page.goto(`${origin}/?gateway=${encodeURIComponent(service.url)}`)
      await page.waitForFunction('document.title === "done"', undefined, { timeout: 30_000 })
      return await page.locator('#steps li').allTextContents()
    } finally {
      await page.close()
    }
  }

  test('does everything when CORS_ORIGINS names it', async () => {
    const service = await startService({ CORS_ORIGINS: origin })
    try {
      expect(await visit(service)).toEqual(STEPS.map(step => `${step}: ok`))
    } finally {
      await service.stop()
    }
  }, 60_000)

  test('reads no answer when it does not', async () => {
    const service = await startService()
    try {
      const outcomes = await visit(service)
      expect(outcomes).toHaveLength(STEPS.length)
      expect(outcomes.filter(outcome => outcome.endsWith(': ok'))).toEqual([])
    } finally {
      await service.stop()
    }
  }, 60_000)
})
