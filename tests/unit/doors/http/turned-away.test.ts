// A call for which nothing is begun is told the same, byte for byte, as one that is refused after it was begun.
import { expect, test } from 'vitest'
import { GatewayError } from '../../../../src/core/errors.ts'
import { anthropicErrors } from '../../../../src/doors/anthropic/errors.ts'
import { createHttpDoor } from '../../../../src/doors/http/door.ts'
import type { ErrorShape } from '../../../../src/doors/http/reply.ts'
import { openAiErrors } from '../../../../src/doors/openai/errors.ts'
import { createPlainDoor } from '../../../../src/doors/websocket/plain.ts'
import type { Door } from '../../../../src/server/door.ts'
import { startDoors } from './rig.ts'

const OVERLOADED = new GatewayError('OVERLOADED', 'more calls come than can be served', {
  retryDelayMs: 2_000,
  against: 'nobody',
  isStanding: true,
})
const PATH = '/t/call'

function doorOf(errors: ErrorShape): Door {
  return createHttpDoor({
    name: 'test',
    routes: [
      {
        verb: 'POST',
        path: PATH,
        rpc: 'test.Service/Method',
        handle: () => Promise.resolve({ type: 'json', value: 'served' }),
      },
    ],
    errors,
    maxRequestBytes: 1_000,
  })
}

test.each([
  ['of OpenAI', () => doorOf(openAiErrors), 503],
  ['of Anthropic', () => doorOf(anthropicErrors), 529],
  ['of the WebSocket', () => createPlainDoor([PATH]), 503],
])('a call at the door %s is', async (_, door, status) => {
  const ask = async (url: string) => {
    const answer = await fetch(`${url}${PATH}`, {
      method: 'POST',
      headers: { 'x-request-id': 'the-id-of-a-request', 'content-type': 'application/json' },
      body: '{"model":"m"}',
    })
    const header = [...answer.headers].filter(([name]) => name !== 'date')
    return { status: answer.status, header, body: await answer.text() }
  }
  await using away = await startDoors([door()], { shed: () => OVERLOADED })
  await using begun = await startDoors([door()])
  begun.exchanges.refuseNew(OVERLOADED)
  const told = await ask(away.url)
  expect(told.status).toBe(status)
  expect(told.body).toContain(OVERLOADED.message)
  expect(told).toEqual(await ask(begun.url))
  expect(begun.ends).toHaveLength(1)
  // Whoever sheds counts it.
  expect(away.ends).toEqual([])
})
