// The doors of the contract itself: gRPC, gRPC-Web and Connect, as connect-es speaks them.
import { fromJson, type JsonValue } from '@bufbuild/protobuf'
import { Code, ConnectError, createClient, type Interceptor, type Transport } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import {
  ChatService,
  type CompleteRequest,
  CompleteRequestSchema,
  type CompleteResponse,
  type StreamEvent,
} from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { type ErrorReason, ErrorReasonSchema } from '#gen/exai/v1/error_reason_pb'
import { EventKind, RequestRecord_Outcome } from '#gen/exai/v1/event_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { infoOf } from '../clients.ts'
import {
  type Answer,
  type Asked,
  bearer,
  type Door,
  nothing,
  type Question,
  type Target,
  untilSeen,
} from './door.ts'

// A test's connection is not kept for longer than it takes.
const idleConnectionTimeoutMs = 1_000

/** The doors. */
export const connectDoors: Readonly<Record<'grpc' | 'grpcWeb' | 'connect', Door>> = {
  grpc: door('gRPC', ({ url: baseUrl, interceptors }) =>
    createGrpcTransport({ baseUrl, interceptors, idleConnectionTimeoutMs }),
  ),
  grpcWeb: door('gRPC-Web', ({ url: baseUrl, interceptors }) =>
    createGrpcWebTransport({ baseUrl, interceptors, httpVersion: '1.1' }),
  ),
  connect: door('Connect JSON', ({ url: baseUrl, interceptors }) =>
    createConnectTransport({ baseUrl, interceptors, httpVersion: '1.1', useBinaryFormat: false }),
  ),
}

type Way = { readonly url: string; readonly interceptors: Interceptor[] }

function door(name: string, open: (way: Way) => Transport): Door {
  return {
    name,
    to: ({ url, credential }: Target) => asked(open({ url, interceptors: [shows(credential)] })),
  }
}

function shows(credential: string | undefined): Interceptor {
  return next => req => {
    for (const [name, value] of Object.entries(bearer(credential))) req.header.set(name, value)
    return next(req)
  }
}

function asked(transport: Transport): Asked {
  const chat = createClient(ChatService, transport)
  const files = createClient(FilesService, transport)
  const monitoring = createClient(MonitoringService, transport)
  return {
    async ask(question) {
      const { signal } = question
      const options = signal === undefined ? {} : { signal }
      const request = requestOf(question)
      if (question.stream === true) return readStream(chat.streamComplete(request, options), question)
      try {
        return { ...answerOf(await chat.complete(request, options)), isDone: true }
      } catch (error) {
        return { ...nothing, ...failureOf(error, signal) }
      }
    },
    resume: id => readStream(chat.resumeStream({ responseId: id, afterSequence: 0 }), {}),
    async embed(model, inputs) {
      const { embeddings } = await createClient(EmbeddingsService, transport).embed({
        model,
        inputs: [...inputs],
      })
      return embeddings.map(({ values }) => values)
    },
    models: async () => (await chat.listModels({})).models.map(({ provider, id }) => `${provider}/${id}`),
    upload: async (filename, text) =>
      (await files.createFile({ filename, mimeType: 'text/plain', content: Buffer.from(text) })).file?.id ??
      '',
    async download(id) {
      const chunks: Uint8Array[] = []
      for await (const { chunk } of files.downloadFile({ fileId: id })) chunks.push(chunk)
      return Buffer.concat(chunks).toString()
    },
    countTokens: async question => (await chat.countTokens(requestOf(question))).inputTokens,
    usedCalls: async () => Number((await monitoring.getUsage({})).total?.requestCount ?? 0n),
    async watchStatus() {
      for await (const { status } of monitoring.watchStatus({}))
        return status?.providers.map(({ provider }) => provider) ?? []
      throw new Error('the watch showed nothing')
    },
    async watchFailure(fail) {
      const watch = monitoring.watchEvents({ kinds: [EventKind.REQUEST] })
      const seen = (async () => {
        for await (const { event } of watch)
          if (
            event?.kind.case === 'request' &&
            event.kind.value.request?.outcome === RequestRecord_Outcome.FAILED
          )
            return nameOf(event.kind.value.request.error)
        throw new Error('the watch ended')
      })()
      return untilSeen(seen, fail)
    },
  }
}

function requestOf(question: Question): CompleteRequest {
  const { text, model = '', system, result, image, fileId, schema, tools = [], resumeSeconds } = question
  const content = [
    { text },
    ...(image === undefined ? [] : [{ media: { mimeType: 'image/png', data: image } }]),
    ...(fileId === undefined ? [] : [{ media: { fileId } }]),
  ]
  const json = {
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: 'ROLE_SYSTEM', content: [{ text: system }] }]),
      { role: 'ROLE_USER', content },
      ...(result === undefined ? [] : turnsOf(result)),
    ],
    tools,
    ...(schema === undefined
      ? {}
      : { responseFormat: { jsonSchema: { name: 'answer', schema, strict: true } } }),
    ...(question.thoughts === undefined ? {} : { reasoningEffort: 'REASONING_EFFORT_HIGH' }),
    stop: question.stop === undefined ? [] : [question.stop],
    ...(question.maxTokens === undefined ? {} : { maxOutputTokens: question.maxTokens }),
    idempotencyKey: question.key ?? '',
    conversationId: question.conversation ?? '',
    ...(resumeSeconds === undefined ? {} : { resumeWindow: `${resumeSeconds}s` }),
  }
  // JSON by construction.
  return fromJson(CompleteRequestSchema, json as unknown as JsonValue)
}

function turnsOf({ call, text }: NonNullable<Question['result']>) {
  const { id: callId, name, arguments: args } = call
  return [
    { role: 'ROLE_ASSISTANT', content: [{ toolCall: { callId, name, arguments: args } }] },
    { role: 'ROLE_TOOL', content: [{ toolResult: { callId, content: [{ text }] } }] },
  ]
}

const finishes: Readonly<Record<number, Answer['finish']>> = {
  [FinishReason.STOP]: 'stop',
  [FinishReason.LENGTH]: 'length',
  [FinishReason.TOOL_CALLS]: 'tool_calls',
}

function answerOf(response: CompleteResponse): Answer {
  const { id, message, finishReason, usage, cost, conversationId, replayed } = response
  const kinds = (message?.content ?? []).map(({ kind }) => kind)
  return {
    ...nothing,
    id,
    text: kinds.map(kind => (kind.case === 'text' ? kind.value : '')).join(''),
    reasoning: kinds.map(kind => (kind.case === 'reasoning' ? kind.value.text : '')).join(''),
    calls: kinds.flatMap(kind =>
      kind.case === 'toolCall'
        ? [{ id: kind.value.callId, name: kind.value.name, arguments: kind.value.arguments }]
        : [],
    ),
    finish: finishes[finishReason] ?? '',
    tokens: usage && [usage.inputTokens, usage.outputTokens],
    nanoUsd: cost?.known === true ? String(cost.nanoUsd) : undefined,
    conversation: conversationId,
    isReplayed: replayed,
  }
}

async function readStream(
  events: AsyncIterable<StreamEvent>,
  { onPiece, onHeartbeat, signal }: Pick<Question, 'onPiece' | 'onHeartbeat' | 'signal'>,
): Promise<Answer> {
  let answer = nothing
  try {
    for await (const { event } of events) {
      if (event.case === 'started') answer = { ...answer, id: event.value.responseId }
      if (event.case === 'reasoningDelta')
        answer = { ...answer, reasoning: answer.reasoning + event.value.text }
      if (event.case === 'textDelta') {
        answer = { ...answer, text: answer.text + event.value.text, pieces: answer.pieces + 1 }
        onPiece?.(answer.id)
      }
      if (event.case === 'toolCallStart') {
        const { callId: id, name } = event.value
        answer = { ...answer, calls: [...answer.calls, { id, name, arguments: '' }] }
      }
      if (event.case === 'toolCallDelta') {
        const { callId, arguments: piece } = event.value
        const calls = answer.calls.map(call =>
          call.id === callId ? { ...call, arguments: call.arguments + piece } : call,
        )
        answer = { ...answer, calls }
      }
      if (event.case === 'heartbeat') onHeartbeat?.()
      // Text, thoughts and calls stay as they were streamed.
      if (event.case === 'completed' && event.value.response !== undefined) {
        const { text, reasoning, calls, pieces } = answer
        answer = { ...answerOf(event.value.response), text, reasoning, calls, pieces, isDone: true }
      }
    }
    return answer
  } catch (error) {
    return { ...answer, ...failureOf(error, signal) }
  }
}

/** Rethrows the client's own leaving. */
function failureOf(error: unknown, signal: AbortSignal | undefined): Pick<Answer, 'error' | 'retryMs'> {
  const caught = ConnectError.from(error)
  if (caught.code === Code.Canceled && signal?.aborted === true) throw error
  const { reason, retryDelay } = infoOf(caught) ?? {}
  const retryMs = retryDelay && Number(retryDelay.seconds) * 1_000 + retryDelay.nanos / 1e6
  return { error: nameOf(reason), retryMs }
}

const nameOf = (reason: ErrorReason | undefined): string =>
  ErrorReasonSchema.values.find(({ number }) => number === reason)?.name.replace('ERROR_REASON_', '') ?? ''
