// A provider in the process that needs no account: it echoes, streams, calls tools, embeds and counts, and says that it is no model.
import { setTimeout as sleep } from 'node:timers/promises'
import { FinishReason } from '#gen/exai/v1/chat_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import { assumedEntry } from '../catalogue/configured.ts'
import { systemClock } from '../core/clock.ts'
import type { Delta } from '../core/delta.ts'
import { GatewayError, type Reason } from '../core/errors.ts'
import type { ModelEntry } from '../core/model.ts'
import { reasoningEfforts } from '../core/model.ts'
import type { AttemptInput, EmbedTask, Provider } from '../core/provider.ts'
import { askWithFiles } from './file-asks.ts'
import { createFileGiver, hasFiles } from './file-giver.ts'
import { mergeFields, providerLayers } from './merge.ts'
import { SANDBOX_DIMENSIONS, SANDBOX_DIMENSIONS_MAX, sandboxVector } from './sandbox-embed.ts'
import { type Script, textOf, writeScript } from './sandbox-script.ts'
import type { ProviderSettings } from './settings.ts'

const DELAY_MS_MAX = 1000
const WORDS_MAX = 10_000
const failures = [
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_LIMITED',
  'UPSTREAM_CREDENTIALS',
  'UPSTREAM_BROKEN',
] as const satisfies readonly Reason[]

/**
 * What `provider_options.sandbox` takes: `delay_ms` between words (0 to 1000), `words` of a plain text (1 to 10000), `fail`
 * with one of the four UPSTREAM reasons, and `fail_after` so many words (default 0: before anything is said).
 */
interface Options {
  readonly delayMs: number
  readonly words: number | undefined
  readonly fail: Reason | undefined
  readonly failAfter: number
}

/** Makes the sandbox. It uses nothing of its settings but the id. */
export function createSandbox(settings: Pick<ProviderSettings, 'id'>): Provider {
  const { id } = settings
  const giver = createFileGiver({
    provider: id,
    kind: 'sandbox',
    dialect: { media: [] },
    uploads: false,
    clock: systemClock,
  })
  const way = { account: id, onlyText: true } as const
  return {
    id,
    unusableReason: '',
    models: [sandboxModel(id)],
    embeds: true,
    open: input =>
      input.embed !== undefined
        ? embed(id, input, input.embed)
        : hasFiles(input)
          ? askWithFiles(giver, input, way, given => answer(id, given))
          : answer(id, input),
    close: async () => {},
  }
}

function sandboxModel(provider: string): ModelEntry {
  return {
    ...assumedEntry(provider, 'sandbox'),
    maxOutputTokens: WORDS_MAX,
    reasoningEfforts,
    defaultReasoningEffort: 'none',
    price: { input: 0n, cachedInput: undefined, cacheWrite: undefined, output: 0n, tiers: [] },
    confidence: 'high',
    source: { limits: 'this service', price: 'this service', capabilities: 'this service' },
    notes:
      'Not a model: answers in the process with an echo, to try this service without an account. Costs nothing.',
  }
}

async function* answer(id: string, input: AttemptInput): AsyncGenerator<readonly Delta[]> {
  const { request, messages, signal } = input
  const options = readOptions(id, input)
  if (request.webSearch !== undefined) drop(input, 'web_search', 'the sandbox cannot search')
  const steps = planSteps(
    writeScript(request, messages, options.words),
    request.stop,
    request.maxOutputTokens,
  )
  input.sent?.()
  const batches: (readonly Delta[])[] = []
  for (const [index, step] of steps.spoken.entries()) {
    if (options.fail !== undefined && index >= options.failAfter) break
    await pause(index === 0 ? 0 : options.delayMs, signal)
    if (input.stream) yield [step]
    else batches.push([step])
  }
  if (signal.aborted) throw signal.reason
  if (options.fail !== undefined) throw failureOf(id, options.fail)
  yield [...batches.flat(), ...ending(input, steps)]
}

/** Of its options `delay_ms` and `fail` mean something here. */
async function* embed(
  id: string,
  input: AttemptInput,
  { inputs, dimensions = SANDBOX_DIMENSIONS, done, sending, add }: EmbedTask,
): AsyncGenerator<readonly Delta[]> {
  const { delayMs, fail } = readOptions(id, input)
  const length = Math.min(dimensions, SANDBOX_DIMENSIONS_MAX)
  if (length < dimensions)
    drop(input, 'dimensions', `the sandbox makes vectors of at most ${SANDBOX_DIMENSIONS_MAX} numbers`)
  input.warn({
    reason: Warning_Reason.NOTICE,
    field: 'model',
    message: 'the sandbox is not a model: its vectors show which words texts share, and not what they mean',
  })
  const texts = inputs.slice(done())
  sending(texts.length)
  input.sent?.()
  await pause(delayMs, input.signal)
  if (fail !== undefined) throw failureOf(id, fail)
  add(texts.map(text => sandboxVector(text, length)))
  const inputTokens = wordsOf(texts.join(' ')).length
  const counts = {
    inputTokens,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  }
  yield [
    { type: 'usage', counts },
    { type: 'finish', reason: FinishReason.STOP },
  ]
}

interface Steps {
  readonly spoken: readonly Delta[]
  readonly reasoningWords: number
  readonly outputWords: number
  readonly finish: FinishReason
  readonly call: Script['call']
}

/** Cuts a script to the limits of the request: a word is a token here. */
function planSteps(script: Script, stop: readonly string[], maxTokens: number | undefined): Steps {
  const ends = stop.map(word => script.text.indexOf(word)).filter(at => at >= 0)
  const text = ends.length === 0 ? script.text : script.text.slice(0, Math.min(...ends))
  const said: readonly Delta[] = [
    ...wordsOf(script.reasoning).map((word): Delta => ({ type: 'reasoning', text: word })),
    ...wordsOf(text).map((word): Delta => ({ type: 'text', text: word })),
  ]
  const spoken = said.slice(0, maxTokens ?? said.length)
  const cut = spoken.length < said.length
  // A call counts as one token and is never cut: half of one is of no use to anybody.
  const call = cut ? undefined : script.call
  return {
    spoken,
    reasoningWords: spoken.filter(({ type }) => type === 'reasoning').length,
    outputWords: spoken.length + (call === undefined ? 0 : 1),
    finish: cut ? FinishReason.LENGTH : call === undefined ? FinishReason.STOP : FinishReason.TOOL_CALLS,
    call,
  }
}

function ending({ request, messages }: AttemptInput, steps: Steps): readonly Delta[] {
  const { call, reasoningWords, outputWords, finish } = steps
  const asked = messages.map(({ content }) => textOf(content)).join(' ')
  const tools = request.tools.map(({ name, description }) => `${name} ${description}`).join(' ')
  const calling: readonly Delta[] =
    call === undefined
      ? []
      : [
          { type: 'tool_call_start', callId: call.callId, name: call.name },
          { type: 'tool_call_arguments', callId: call.callId, text: call.args },
          { type: 'tool_call_end', callId: call.callId },
        ]
  const counts = {
    inputTokens: wordsOf(`${asked} ${tools}`).length,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: outputWords,
    reasoningTokens: reasoningWords,
  }
  return [...calling, { type: 'usage', counts }, { type: 'finish', reason: finish }]
}

// Each word with the space after it, so that the pieces joined are the text.
function wordsOf(text: string): readonly string[] {
  return text.match(/\s*\S+(?:\s+$)?/g) ?? []
}

async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) throw signal.reason
  if (delayMs === 0) return
  try {
    await sleep(delayMs, undefined, { signal })
  } catch {
    // Only the signal ends a sleep early, and its reason says more than the timer's error.
    throw signal.reason
  }
}

function readOptions(id: string, input: AttemptInput): Options {
  const {
    delay_ms: delayMs,
    words,
    fail,
    fail_after: failAfter,
    ...others
  } = providerLayers(input.request, id).reduce(mergeFields, {})
  for (const name of Object.keys(others))
    drop(input, `provider_options.${id}.${name}`, 'the sandbox has no such option')
  const reason = failures.find(one => one === fail)
  if (fail !== undefined && reason === undefined) throw badOption(id, 'fail', `one of ${failures.join(', ')}`)
  return {
    delayMs: numberOption(id, 'delay_ms', delayMs, 0, DELAY_MS_MAX) ?? 0,
    words: numberOption(id, 'words', words, 1, WORDS_MAX),
    fail: reason,
    failAfter: numberOption(id, 'fail_after', failAfter, 0, WORDS_MAX) ?? 0,
  }
}

function numberOption(
  id: string,
  name: string,
  value: unknown,
  min: number,
  max: number,
): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw badOption(id, name, `a whole number from ${min} to ${max}`)
}

function badOption(id: string, name: string, wanted: string): GatewayError {
  return new GatewayError('INVALID_REQUEST', `provider_options.${id}.${name}: must be ${wanted}`)
}

function drop({ request, warn }: AttemptInput, field: string, message: string): void {
  if (request.strict) throw new GatewayError('UNSUPPORTED', `${field}: ${message}`)
  warn({ reason: Warning_Reason.DROPPED, field, message })
}

function failureOf(provider: string, reason: Reason): GatewayError {
  return new GatewayError(reason, 'the sandbox failed, as provider_options asked', {
    provider,
    model: 'sandbox',
  })
}
