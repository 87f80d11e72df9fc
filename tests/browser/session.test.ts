// Signing in, what a token allows, losing the gateway and finding it again, and the whole page by keyboard.
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Circuit_State, HealthState, ProviderKeyStatus_State } from '#gen/exai/v1/status_pb'
import { seriousViolations } from './support/axe.ts'
import { chromiumPath, keepPicture, launchBrowser, openPage } from './support/browser.ts'
import { builtPage } from './support/built-page.ts'
import { type RealGateway, startReal } from './support/real-gateway.ts'
import { startScripted } from './support/scripted-gateway.ts'

const TOKENS = {
  'chat-only-token': ['chat'],
  'watcher-token': ['monitoring'],
  'admin-token': ['admin'],
} as const

describe.skipIf(chromiumPath === undefined)('the page and who looks at it', () => {
  let browser: Browser
  let gateway: RealGateway
  beforeAll(async () => {
    await builtPage()
    ;[browser, gateway] = await Promise.all([launchBrowser(), startReal()])
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    await gateway.close()
  })

  test('asks for a token, refuses a wrong one, and says what a right one does not allow', async () => {
    const secured = await startScripted({ tokens: TOKENS })
    const { page, complaints, close } = await openPage(browser, secured.url, { size: 'phone' })
    const field = page.getByLabel('API key or token')
    await field.fill('a wrong one')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').getByText('UNAUTHENTICATED').waitFor()
    await keepPicture(page, 'sign-in-390')
    expect(await seriousViolations(page)).toEqual([])

    await field.fill('chat-only-token')
    await field.press('Enter')
    await page.getByText('needs the scope monitoring, which this token does not have').waitFor()
    expect(await page.getByRole('note').textContent()).toContain('It allows: chat.')
    await keepPicture(page, 'denied-390')
    expect(await seriousViolations(page)).toEqual([])
    await page.getByRole('link', { name: 'Playground' }).click()
    await page.getByLabel('Message', { exact: true }).waitFor()

    // In memory alone: a reload asks again.
    await page.reload()
    await field.waitFor()
    await page.getByLabel('Keep it in this tab').check()
    await field.fill('watcher-token')
    await field.press('Enter')
    await page.getByText('live', { exact: true }).waitFor()
    await page.reload()
    await page.getByText('live', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Providers' }).click()
    await page.getByText('Circuits can be switched with the scope admin').waitFor()
    expect(await page.getByRole('button', { name: /^Open the circuit/ }).count()).toBe(0)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await field.waitFor()
    expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0)
    expect(complaints).toEqual([])
    await close()
    await secured.close()
  }, 60_000)

  test('opens a real gateway with its first admin key', async () => {
    const secured = await startReal({ EXAI_AUTH: 'key' })
    const key = /exai_[\w-]{43}/.exec(secured.service.output())?.[0] ?? ''
    const { page, complaints, close } = await openPage(browser, secured.service.url)
    await page.getByLabel('API key or token').fill(key)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('live', { exact: true }).waitFor()
    await secured.traffic(1, key)
    await expect
      .poll(() => page.locator('.numbers').textContent())
      .toMatch(/[1-9]\d* calls in the last minute/)
    expect(await page.content()).not.toContain(key)
    expect(complaints).toEqual([])
    await close()
    await secured.close()
  }, 60_000)

  test('shows an outage within a second, by its circuit and its provider', async () => {
    const scripted = await startScripted()
    const { page, close } = await openPage(browser, scripted.url)
    await page.getByText('All is well').waitFor()
    const openai = {
      provider: 'openai',
      state: HealthState.UNHEALTHY,
      detail: 'all its circuits are open',
      keys: [{ label: 'openai#1', state: ProviderKeyStatus_State.READY }],
    }
    const circuit = {
      provider: 'openai',
      model: 'gpt-5.2',
      state: Circuit_State.OPEN,
      reason: '12 of 20 calls failed',
    }
    const toldMs = performance.now()
    scripted.setStatus({ state: HealthState.DEGRADED, providers: [openai], circuits: [circuit] })
    await page.getByText('circuit open').waitFor()
    // It is told, and does not ask from time to time.
    expect(performance.now() - toldMs).toBeLessThan(1_000)
    const health = await page.getByRole('region', { name: 'Health' }).textContent()
    expect(health).toContain('Degraded')
    expect(health).toContain('openai/gpt-5.2')
    expect(health).toContain('12 of 20 calls failed')
    expect(await page.title()).toContain('degraded')
    await keepPicture(page, 'outage-1280')
    await close()
    await scripted.close()
  })

  test('says that the gateway shuts down, keeps what it knew, and comes back with it', async () => {
    const scripted = await startScripted()
    const { page, close } = await openPage(browser, scripted.url)
    await page.getByText('All is well').waitFor()
    await scripted.shutDown()
    await page
      .getByText(/shutting down|disconnected/)
      .first()
      .waitFor()
    await page.getByRole('button', { name: 'Try now' }).waitFor()
    await page.getByText(/as it was/).waitFor()
    await keepPicture(page, 'disconnected-1280')
    const again = await startScripted({ port: scripted.port })
    await page.getByText('live', { exact: true }).waitFor()
    await expect.poll(() => page.getByText(/as it was/).count()).toBe(0)
    await close()
    await again.close()
  })

  test('finds a real gateway again after its restart, with the calls made meanwhile', async () => {
    const { page, close } = await openPage(browser, `${gateway.service.url}/#/requests`)
    await page.getByText('live', { exact: true }).waitFor()
    await gateway.traffic(1)
    await page.locator('.grid-all .grid-row').nth(2).waitFor()
    await gateway.restart()
    await gateway.traffic(2)
    await page.getByText('live', { exact: true }).waitFor()
    await expect
      .poll(() => page.locator('.grid-all .grid-row').count(), { timeout: 15_000 })
      .toBeGreaterThan(5)
    await close()
  }, 60_000)

  test('switches a circuit with a reason, and gives it back', async () => {
    await gateway.traffic(1)
    const { page, complaints, close } = await openPage(browser, `${gateway.service.url}/#/providers`)
    await page.getByRole('button', { name: 'Open the circuit of openai test-model' }).click()
    await page.getByLabel('Why (for the audit log)').fill('the provider asked us to')
    await page.getByRole('button', { name: 'Hold test-model open' }).click()
    await page.getByText('held open').waitFor()
    await page.getByText(/the provider asked us to/).waitFor()
    await keepPicture(page, 'circuit-held-1280')
    await page.getByRole('button', { name: 'Reset the circuit of openai test-model' }).click()
    await expect.poll(() => page.getByText('held open').count()).toBe(0)
    expect(complaints).toEqual([])
    await close()
  })

  test('is walked by keyboard alone: every panel, the list, a call, and back', async () => {
    await gateway.traffic(2)
    const { page, complaints, close } = await openPage(browser, gateway.service.url)
    await page.getByText('live', { exact: true }).waitFor()
    const focused = (): Promise<string> => page.evaluate('document.activeElement.textContent.trim()')
    const tabTo = async (wanted: (text: string) => boolean): Promise<void> => {
      for (let steps = 0; steps < 40; steps += 1) {
        await page.keyboard.press('Tab')
        if (wanted(await focused())) return
      }
      throw new Error('forty steps did not lead there')
    }
    await tabTo(text => text === 'Skip to the content')
    for (const panel of ['Overview', 'Providers', 'Requests']) {
      await tabTo(text => text === panel)
      expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
    }
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Requests' }).waitFor()
    await page.locator('.grid-all .grid-row').nth(2).waitFor()
    for (let steps = 0; steps < 20; steps += 1) {
      await page.keyboard.press('Tab')
      if ((await page.evaluate('document.activeElement.getAttribute("role")')) === 'grid') break
    }
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: 'The call' }).getByText('Facts').waitFor()
    await tabTo(text => text === 'Close')
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: 'The call' }).waitFor({ state: 'detached' })
    expect(complaints).toEqual([])
    await close()
  }, 60_000)
})
