// Plays the imaginary host of docs/adding-a-provider.md: OpenAI's wire, with thoughts of its own and without schemas.
import { createOpenAiWire } from '../support/upstream/openai.ts'
import { jsonReply } from '../support/upstream/reply.ts'
import { startServer, type Upstream } from '../support/upstream/server.ts'
import { objectOf } from '../support/upstream/shape.ts'
import type { Wire } from '../support/upstream/wire.ts'

const wire = createOpenAiWire({
  name: 'larch',
  models: ['larch-1'],
  extraAssistantFields: ['reasoning_content'],
})

const refusal = (status: number, code: string, message: string) =>
  jsonReply(status, { error: { message, type: 'larch_error', code } })

const larch: Wire = {
  ...wire,
  name: 'larch',
  receive(request) {
    // It takes any effort, and makes nothing of it.
    const { reasoning_effort: _, ...body } = objectOf(request.body)
    const { type } = objectOf(body['response_format'])
    if (type !== 'json_schema') return wire.receive({ ...request, body })
    const reply = () => refusal(400, 'no_schemas', 'json_schema is not supported')
    return { scriptable: false, stream: false, lastUserText: '', reply }
  },
  refusal: codeOrStatus =>
    codeOrStatus === 'seat_taken'
      ? refusal(429, 'seat_taken', 'All of your seats are taken.')
      : wire.refusal(codeOrStatus),
}

/** Starts it on a free port of 127.0.0.1. */
export const startLarch = (): Promise<Upstream> => startServer(larch)
