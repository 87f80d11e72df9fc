// Every panel of the page in a real browser, in front of the real gateway with real traffic.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seriousViolations } from './support/axe.ts'
import {
  chromiumPath,
  forgetShifts,
  keepPicture,
  type Look,
  launchBrowser,
  openPage,
  shiftsOf,
} from './support/browser.ts'
import { factOf, spansOf } from './support/detail.ts'
import { type RealGateway, startReal } from './support/real-gateway.ts'

const looks: readonly Required<Look>[] = [
  { size: 'wide', scheme: 'light' },
  { size: 'wide', scheme: 'dark' },
  { size: 'phone', scheme: 'light' },
  { size: 'phone', scheme: 'dark' },
]
const widths = { wide: 1280, phone: 390 } as const
const panels = ['overview', 'providers', 'requests', 'events', 'playground', 'usage'] as const

describe.skipIf(chromiumPath === undefined)('the page', () => {
  let browser: Browser
  let gateway: RealGateway
  beforeAll(async () => {
    ;[browser, gateway] = await Promise.all([launchBrowser(), startReal()])
    await gateway.traffic(12)
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    await gateway.close()
  })

  const goTo = async (page: Page, panel: string): Promise<void> => {
    await page
      .getByRole('navigation')
      .getByRole('link', { name: new RegExp(panel, 'i') })
      .click()
    await page.getByRole('heading', { level: 1, name: new RegExp(panel, 'i') }).waitFor({ state: 'attached' })
  }

  test.each(looks)(
    'is whole and accessible in every panel, $size and $scheme',
    async look => {
      const opened = await openPage(browser, gateway.service.url, look)
      const { page } = opened
      await page.getByText('live', { exact: true }).waitFor()
      await gateway.traffic(3)
      for (const panel of panels) {
        await goTo(page, panel)
        await readyOf(page, panel)
        await keepPicture(page, `${panel}-${widths[look.size]}-${look.scheme}`)
        expect(await seriousViolations(page), panel).toEqual([])
        expect(await page.evaluate('document.documentElement.scrollWidth'), panel).toBe(widths[look.size])
      }
      expect(opened.complaints).toEqual([])
      await opened.close()
    },
    90_000,
  )

  const sumOfShifts = async (page: Page): Promise<number> =>
    (await shiftsOf(page)).reduce((sum, { value }) => sum + value, 0)

  /** Waits until a panel shows what it is for. */
  const readyOf = async (page: Page, panel: (typeof panels)[number]): Promise<void> => {
    const content = page.locator('#content')
    if (panel === 'overview') {
      await expect
        .poll(() => content.locator('.numbers').textContent())
        .toMatch(/[1-9]\d* calls in the last minute/)
      await content.locator('.failure-line').first().waitFor()
    }
    if (panel === 'providers') await content.getByText('openai').first().waitFor()
    if (panel === 'requests') await content.locator('.grid-all .grid-row').nth(5).waitFor()
    if (panel === 'events') await content.locator('.grid-all .grid-row').nth(2).waitFor()
    if (panel === 'playground') await content.locator('optgroup').first().waitFor({ state: 'attached' })
    if (panel === 'usage') await content.getByRole('heading', { name: 'By model' }).waitFor()
  }

  test.each(['wide', 'phone'] as const)(
    'draws the way of a call that went on elsewhere, %s',
    async size => {
      const { page, complaints, close } = await openPage(browser, `${gateway.service.url}/#/requests`, {
        size,
      })
      await page.getByRole('searchbox').fill('kimi')
      const row = page.locator('.grid-all .grid-row').first()
      await row.click()
      const detail = page.getByRole('region', { name: 'The call' })
      await detail.locator('.attempt').nth(1).waitFor()
      expect(await detail.locator('.attempt').first().textContent()).toContain('UPSTREAM_UNAVAILABLE')
      expect(await detail.locator('.attempt').nth(1).textContent()).toContain('kimi')
      const [failed, answered] = await spansOf(detail)
      expect(answered?.left).toBeGreaterThanOrEqual(failed?.right ?? Number.POSITIVE_INFINITY)
      expect(answered?.right).toBeLessThanOrEqual(100)
      expect(await factOf(detail, 'Bytes in / out')).toMatch(/^[1-9]\d* B \/ [1-9].*B$/)
      await keepPicture(page, `trace-${widths[size]}`)
      expect(await seriousViolations(page)).toEqual([])
      await detail.getByRole('link', { name: 'Close' }).click()
      await detail.waitFor({ state: 'detached' })
      expect(complaints).toEqual([])
      await close()
    },
    40_000,
  )

  test.each(['wide', 'phone'] as const)(
    'streams an answer with its price and moves nothing else, %s',
    async size => {
      const { page, complaints, close } = await openPage(browser, `${gateway.service.url}/#/playground`, {
        size,
      })
      await page.getByLabel('Model').selectOption('openai/test-model')
      await forgetShifts(page)
      const message = page.getByLabel('Message', { exact: true })
      await message.fill(`[[fault:words=400]][[fault:drip-events=15]]tell me`)
      await message.press('Enter')
      await page.getByRole('button', { name: 'Stop' }).waitFor()
      await page.getByText('complete ·').waitFor()
      const answer = await page.locator('.turn.model').textContent()
      expect(answer).toMatch(/word0 word1 .*word399/)
      expect(answer).toMatch(/\$0\.\d+/)
      expect(answer).toMatch(/tokens in, \d+ out/)
      expect(await shiftsOf(page)).toEqual([])
      await keepPicture(page, `answer-${widths[size]}`)
      expect(complaints).toEqual([])
      await close()
    },
    40_000,
  )

  test.each(['wide', 'phone'] as const)(
    'moves nothing that a reader notices while calls come in, %s',
    async size => {
      const { page, complaints, close } = await openPage(browser, gateway.service.url, { size })
      await page.getByText('live', { exact: true }).waitFor()
      for (const panel of ['overview', 'requests', 'events'] as const) {
        await goTo(page, panel)
        await gateway.traffic(1)
        await readyOf(page, panel)
        await forgetShifts(page)
        await gateway.traffic(4)
        // A number that grows to the left is a shift of its text; 0.1 is the bound of a good page.
        expect(await sumOfShifts(page), panel).toBeLessThan(0.01)
      }
      expect(complaints).toEqual([])
      await close()
    },
    60_000,
  )
})
