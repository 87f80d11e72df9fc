// Long lists: ten thousand calls in the browser, of which only what can be seen is in the document.

import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, keepPicture, launchBrowser, type Opened, openPage } from './support/browser.ts'
import { builtPage } from './support/built-page.ts'
import { callsUntil, type ScriptedGateway, startScripted } from './support/scripted-gateway.ts'

describe.skipIf(chromiumPath === undefined)('a list of ten thousand calls', () => {
  let browser: Browser
  let gateway: ScriptedGateway
  let opened: Opened

  beforeAll(async () => {
    await builtPage()
    browser = await launchBrowser()
    gateway = await startScripted({ calls: callsUntil(Date.now(), 12_000, 250) })
    opened = await openPage(browser, `${gateway.url}/#/requests`)
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    await gateway.close()
  })

  test('is loaded page by page down to its end, and stays small in the document', async () => {
    const { page } = opened
    const grid = page.getByRole('grid', { name: /^Calls/ })
    await grid.focus()
    const foot = page.locator('.list-foot')
    await expect.poll(() => foot.textContent()).toMatch(/^[25]00 calls; scroll down/)
    let before = await foot.textContent()
    for (let round = 0; round < 80 && before?.includes('are kept here') === false; round += 1) {
      await page.keyboard.press('End')
      await expect.poll(() => foot.textContent()).not.toBe(before)
      await expect.poll(() => foot.textContent()).not.toContain('being asked for')
      before = await foot.textContent()
    }
    expect(await foot.textContent()).toContain('10,000 calls are kept here')
    expect(await page.locator('.grid-all .grid-row').count()).toBeLessThan(60)
  }, 60_000)

  test('scrolls at sixty frames a second, by the processor time of the page', async () => {
    const { page, context } = opened
    const tools = await context.newCDPSession(page)
    // The time of the thread, not of the clock: other tests run on the same cores.
    await tools.send('Performance.enable', { timeDomain: 'threadTicks' })
    const taskMs = async (): Promise<number> => {
      const { metrics } = await tools.send('Performance.getMetrics')
      return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN) * 1000
    }
    const scrolledMs = async (): Promise<number> => {
      const beforeMs = await taskMs()
      await page.evaluate(`(async () => {
        const grid = document.querySelector('.grid-list')
        grid.scrollTop = 0
        for (let frame = 0; frame < 120; frame += 1) {
          await new Promise(requestAnimationFrame)
          grid.scrollTop += 2_900
        }
      })()`)
      return (await taskMs()) - beforeMs
    }
    // The best of a few: a cache that others emptied makes the same work longer.
    let perFrameMs = Number.POSITIVE_INFINITY
    for (let tries = 0; tries < 4 && perFrameMs >= 16; tries += 1)
      perFrameMs = Math.min(perFrameMs, (await scrolledMs()) / 120)
    expect(perFrameMs).toBeGreaterThan(0)
    expect(perFrameMs).toBeLessThan(16)
    await keepPicture(page, 'requests-10000-1280')
  })

  test('goes on while new calls come in', async () => {
    const { page } = opened
    await page.evaluate(`document.querySelector('.grid-list').scrollTop = 0`)
    const [fresh] = callsUntil(Date.now() + 3_000, 30_011, 1)
    gateway.tell({ id: 'event-1', severity: 1, kind: { case: 'request', value: { request: fresh } } })
    if (fresh === undefined) throw new Error('there is no call')
    await expect.poll(() => page.locator('.grid-all .grid-row').first().textContent()).toContain(fresh.model)
    expect(await page.locator('.list-foot').textContent()).toContain('10,000 calls')
    expect(opened.complaints).toEqual([])
  })
})
