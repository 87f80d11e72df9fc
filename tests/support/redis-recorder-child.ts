// A process that runs one recorded stream on shared state in Redis and tells what becomes of it, a line of JSON each:
// `node redis-recorder-child.ts URL KEY WORDS`. It says a word every few milliseconds.

import { connectRedis } from './redis-rig.ts'
import { ask } from './request.ts'
import { createRecordedRig, readOn, until } from './scripted-completion.ts'
import { createTestCall } from './test-call.ts'

const SAY_EVERY_MS = 5
const ALIVE_MS = 3_000

const [url = '', idempotencyKey = '', words = '0'] = process.argv.slice(2)
const tell = (what: Readonly<Record<string, unknown>>): void =>
  void process.stdout.write(`${JSON.stringify(what)}\n`)

const { shared } = await connectRedis(url, { commandTimeoutMs: 50 })
const rig = createRecordedRig({ shared, limits: { aliveMs: ALIVE_MS } })
const { call } = createTestCall()
const seen = readOn(rig.stream(call, ask('hi', { idempotencyKey, resumeWindow: { seconds: 60n, nanos: 0 } })))
const run = await rig.scripted.run(0)
run.start()
await until(() => seen.events.length > 0)
// What was sent before has been done when this is answered: others find the stream now.
await shared.get('any')
tell({ responseId: run.responseId })
let said = 0
const saying = setInterval(() => {
  if (said < Number(words)) {
    said += 1
    run.say(`${said} `)
  } else {
    clearInterval(saying)
    run.complete()
  }
}, SAY_EVERY_MS)
const error = await seen.ended
clearInterval(saying)
tell({ ended: error?.reason ?? 'completed', said, read: seen.text().trim().split(' ').length })
rig.close()
await shared.close()
