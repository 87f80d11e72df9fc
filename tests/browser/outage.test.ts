// A provider goes down behind the real gateway: the page tells it within a second of the circuit's opening, at both widths.
import { createClient } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-node'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { Circuit_State } from '#gen/exai/v1/status_pb'
import { seriousViolations } from './support/axe.ts'
import { chromiumPath, keepPicture, launchBrowser, openPage } from './support/browser.ts'
import { type RealGateway, startReal } from './support/real-gateway.ts'

/** How late what the page is told at once may be there, in milliseconds. */
const AT_ONCE_MS = 1_000

// Notes the moment at which the page first says it, by the clock that the gateway on this machine goes by, too.
const NOTE_MOMENT = `
  window.saidAtMs = 0
  new MutationObserver(() => {
    if (window.saidAtMs === 0 && document.body.textContent.includes('circuit open')) window.saidAtMs = Date.now()
  }).observe(document.body, { childList: true, subtree: true, characterData: true })
`

describe.skipIf(chromiumPath === undefined)('an outage of a provider', () => {
  let browser: Browser
  let gateway: RealGateway
  beforeAll(async () => {
    ;[browser, gateway] = await Promise.all([launchBrowser(), startReal()])
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    await gateway.close()
  })

  test('is on the first screen within a second, with what failed and why', async () => {
    await gateway.traffic(4)
    const url = gateway.service.url
    const wide = await openPage(browser, url)
    const phone = await openPage(browser, url, { size: 'phone' })
    for (const { page } of [wide, phone]) {
      await page.getByText('All is well').waitFor()
      await page.evaluate(NOTE_MOMENT)
    }
    gateway.openai.next({ faults: ['status=503'], times: 500 })
    await gateway.traffic(14)
    const monitoring = createClient(
      MonitoringService,
      createGrpcWebTransport({ baseUrl: url, httpVersion: '1.1' }),
    )
    const { status } = await monitoring.getStatus({})
    const open = (status?.circuits ?? []).filter(({ state }) => state === Circuit_State.OPEN)
    expect(open.map(({ model }) => model)).toContain('test-model')
    const openedAtMs = Math.min(
      ...open.map(({ changeTime }) => Number(changeTime?.seconds) * 1000 + (changeTime?.nanos ?? 0) / 1e6),
    )
    for (const [{ page }, width] of [
      [wide, 1280],
      [phone, 390],
    ] as const) {
      await page.getByText('circuit open').first().waitFor()
      const saidAtMs: number = await page.evaluate('window.saidAtMs')
      expect(saidAtMs - openedAtMs).toBeLessThan(AT_ONCE_MS)
      expect(await page.getByRole('region', { name: 'Health' }).textContent()).toContain('openai/test-model')
      expect(await page.getByRole('region', { name: 'What failed' }).textContent()).toContain(
        'UPSTREAM_UNAVAILABLE',
      )
      await keepPicture(page, `outage-real-${width}`)
      expect(await seriousViolations(page)).toEqual([])
    }
    expect([...wide.complaints, ...phone.complaints]).toEqual([])
  }, 90_000)
})
