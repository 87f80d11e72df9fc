// The way of a call as the page draws it: by the beginnings that are on record, whatever the page itself has seen.
import { create } from '@bufbuild/protobuf'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  RequestRecord_Outcome as Outcome,
  AttemptEvent_Phase as Phase,
  RequestRecordSchema,
} from '#gen/exai/v1/event_pb'
import { RouteAttempt_Outcome as Ended } from '#gen/exai/v1/route_pb'
import { chromiumPath, keepPicture, launchBrowser, openPage } from './support/browser.ts'
import { builtPage } from './support/built-page.ts'
import { factOf, spansOf } from './support/detail.ts'
import { callOf, timeOf } from './support/scripted-calls.ts'
import { type ScriptedGateway, startScripted } from './support/scripted-gateway.ts'

const { requestId, startTime } = callOf(1, Date.now() - 10_000)
const attempt = { model: 'm', keyLabel: 'main#1' }
const hedged = create(RequestRecordSchema, {
  requestId,
  method: 'exai.v1.ChatService/StreamComplete',
  ...(startTime === undefined ? {} : { startTime }),
  outcome: Outcome.SUCCEEDED,
  duration: timeOf(1_000),
  requestBytes: 0n,
  responseBytes: 3_000n,
  route: {
    requestedModel: 'auto',
    attempts: [
      {
        ...attempt,
        provider: 'openai',
        outcome: Ended.CANCELLED,
        startOffsetDuration: timeOf(100),
        duration: timeOf(600),
      },
      {
        ...attempt,
        provider: 'glm',
        outcome: Ended.SUCCEEDED,
        startOffsetDuration: timeOf(400),
        duration: timeOf(600),
        timeToFirstToken: timeOf(250),
      },
    ],
  },
})

describe.skipIf(chromiumPath === undefined)('the way of a call', () => {
  let browser: Browser
  let gateway: ScriptedGateway
  beforeAll(async () => {
    await builtPage()
    ;[browser, gateway] = await Promise.all([launchBrowser(), startScripted()])
  }, 60_000)
  afterAll(async () => {
    await browser.close()
    await gateway.close()
  })

  test('shows a hedge beside the attempt that it overtook', async () => {
    const { page, complaints, close } = await openPage(browser, `${gateway.url}/#/requests`)
    await page.getByText('live', { exact: true }).waitFor()
    gateway.tell(
      {
        id: 'event-1',
        requestId,
        severity: 1,
        kind: { case: 'attempt', value: { phase: Phase.STARTED, index: 1, cause: 4 } },
      },
      { id: 'event-2', severity: 1, kind: { case: 'request', value: { request: hedged } } },
    )
    await page.locator('.grid-all .grid-row').first().click()
    const detail = page.getByRole('region', { name: 'The call' })
    await detail.locator('.attempt').nth(1).waitFor()
    expect(await spansOf(detail)).toEqual([
      { left: 10, right: 70 },
      { left: 40, right: 100 },
    ])
    expect(await detail.locator('.attempt').nth(1).textContent()).toContain('hedge')
    expect(await factOf(detail, 'Bytes in / out')).toBe('0 B / 3.00 kB')
    expect(await detail.textContent()).not.toContain('not on record')
    await keepPicture(page, 'trace-hedge-1280')
    expect(complaints).toEqual([])
    await close()
  })
})
