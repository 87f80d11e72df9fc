// Answers unary calls: one message, or one error.
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { codeToHttpStatus, errorToJsonBytes } from '@connectrpc/connect/protocol-connect'
import { finish } from '../../http/pace.ts'
import { explain } from '../errors.ts'
import type { OwnCall } from './call.ts'
import { bytesOf, encoded } from './envelope.ts'
import { addError, setPlainHead } from './head.ts'
import { createOutlet } from './outlet.ts'

type Answer = MessageInitShape<DescMessage>

/** A body, and how long it is without compression. */
interface Body {
  readonly status: number
  readonly data: Uint8Array | string
  readonly sizeBytes: number
}

/** Asks the handler of a unary call and writes its answer. Resolves when that has been handed to the system, or the client has left. */
export async function answerUnary(call: OwnCall, ask: () => Answer | Promise<Answer>): Promise<void> {
  if (!call.shape.isEnveloped) return await send(call, await bodyOf(call, ask))
  const outlet = createOutlet(call)
  try {
    await outlet.add(encoded(call, await ask()))
  } catch (thrown) {
    return await outlet.end(explain(thrown, call.served))
  }
  await outlet.end()
}

async function bodyOf(call: OwnCall, ask: () => Answer | Promise<Answer>): Promise<Body> {
  const { method, served, shape } = call
  try {
    const answer = await ask()
    if (!shape.isBinary) {
      const { text, sizeBytes } = method.json(answer)
      return { status: 200, data: text, sizeBytes }
    }
    const data = method.binary(answer)
    return { status: 200, data, sizeBytes: data.byteLength }
  } catch (thrown) {
    const error = explain(thrown, served)
    addError(call, error)
    const data = errorToJsonBytes(error, method.options.jsonOptions)
    return { status: codeToHttpStatus(error.code), data, sizeBytes: data.byteLength }
  }
}

async function send(call: OwnCall, { status, data, sizeBytes }: Body): Promise<void> {
  const { res, served, method, encoding } = call
  served.exchange.sent(sizeBytes)
  if (encoding === undefined || sizeBytes < method.limits.compressMinBytes) {
    setPlainHead(call, { status, sizeBytes })
    // A text leaves in one piece with its header.
    return await finish(res, data)
  }
  const packed = await method.options.compression.compress(bytesOf({ data, sizeBytes }))
  setPlainHead(call, { status, sizeBytes: packed.byteLength, encoding })
  await finish(res, packed)
}
