// The playground against the real gateway: instructions, tools, files, thoughts, stopping, and failing with a reason.
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, keepPicture, launchBrowser, type Opened, openPage } from './support/browser.ts'
import { type RealGateway, startReal } from './support/real-gateway.ts'

describe.skipIf(chromiumPath === undefined)('the playground', () => {
  let browser: Browser
  let gateway: RealGateway
  let opened: Opened
  let page: Page
  beforeAll(async () => {
    ;[browser, gateway] = await Promise.all([launchBrowser(), startReal()])
    opened = await openPage(browser, `${gateway.service.url}/#/playground`)
    page = opened.page
    await page.getByLabel('Model').selectOption('openai/test-model')
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    await gateway.close()
  })

  const say = async (text: string): Promise<void> => {
    const message = page.getByLabel('Message', { exact: true })
    await message.fill(text)
    await message.press('Enter')
  }
  const lastAnswer = () => page.locator('.turn.model').last()

  test('sends instructions and a chat so far', async () => {
    await page.getByText('Instructions and tools').click()
    await page.getByLabel('Instructions (system prompt)').fill('Be brief.')
    await say('good morning')
    await lastAnswer().getByText('complete ·').waitFor()
    await say('and again')
    await expect.poll(() => page.locator('.turn.model').count()).toBe(2)
    await lastAnswer().getByText('complete ·').waitFor()
    const { body } = gateway.openai.requests.at(-1) ?? {}
    expect(JSON.stringify(body)).toMatch(/Be brief\..*good morning.*You said: good morning.*and again/)
  })

  test('folds thoughts, and unfolds them', async () => {
    await say('[[fault:reasoning-content=First I think.]]why?')
    await lastAnswer().getByText('complete ·').waitFor()
    const thoughts = lastAnswer().getByText('First I think.')
    expect(await thoughts.isVisible()).toBe(false)
    await lastAnswer().getByText('Thoughts').click()
    await thoughts.waitFor()
  })

  test('refuses tools that are not JSON, shows a call of one that are, and sends its result', async () => {
    const tools = page.getByLabel('Tools as JSON')
    await tools.fill('[{"name":')
    await expect.poll(() => page.locator('#tools-fault').textContent()).toMatch(/JSON/)
    await tools.fill(
      '[{"name":"first_tool","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]',
    )
    gateway.openai.next({
      answer: { toolCalls: [{ id: 'call_1', name: 'first_tool', arguments: '{"city":"Zürich"}' }] },
    })
    await say('what is the weather?')
    await lastAnswer().locator('.tool-call').getByText('first_tool').waitFor()
    expect(await lastAnswer().locator('.tool-call pre').textContent()).toContain('"city": "Zürich"')
    await keepPicture(page, 'tools-1280')
    await page.getByLabel('What first_tool returns').fill('sunny')
    await page.getByRole('button', { name: 'Send the results' }).click()
    await expect.poll(() => JSON.stringify(gateway.openai.requests.at(-1)?.body)).toContain('sunny')
    await lastAnswer().getByText('complete ·').waitFor()
    await tools.fill('')
  })

  test('stops an answer, and the upstream hears of it', async () => {
    await say('[[fault:words=2000]][[fault:drip-events=40]]talk for long')
    await lastAnswer().getByText(/word0/).waitFor()
    await page.getByRole('button', { name: 'Stop' }).click()
    await lastAnswer().getByText('stopped', { exact: true }).waitFor()
    const request = gateway.openai.requests.find(({ rawBody }) => rawBody.includes('talk for long'))
    await expect.poll(() => request?.closedByClientAtMs ?? 0).toBeGreaterThan(0)
  })

  test('uploads a file and sends it along, and says which is too large', async () => {
    const chooser = page.getByLabel('Files')
    await chooser.setInputFiles({
      name: 'notes.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('remember the milk'),
    })
    await page.locator('.attached').getByText('notes.txt').waitFor()
    await chooser.setInputFiles({
      name: 'huge.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.alloc(5_000_000),
    })
    await page.getByText(/A browser can upload at most/).waitFor()
    await say('what must I not forget?')
    await lastAnswer().getByText('complete ·').waitFor()
    expect(JSON.stringify(gateway.openai.requests.map(({ body }) => body))).toMatch(
      /remember the milk|notes\.txt/,
    )
  })

  test('shows why there is no answer, with the id that finds the log line', async () => {
    await page.getByRole('button', { name: 'New chat' }).click()
    await page.getByLabel('Model').selectOption('openai/small-model')
    gateway.openai.next({ faults: ['status=503'], times: 9 })
    await say('hello')
    const alert = lastAnswer().getByRole('alert')
    await alert.getByText('UPSTREAM_UNAVAILABLE').waitFor()
    const requestId = (await alert.locator('code').textContent()) ?? ''
    expect(await gateway.service.call(requestId)).toMatchObject({ request_id: requestId })
    await keepPicture(page, 'no-answer-1280')
    expect(opened.complaints).toEqual([])
  })
})
