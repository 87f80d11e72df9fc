// Records of calls as the contract describes them, made up but never random: what a scripted gateway lists and tells.
import { create } from '@bufbuild/protobuf'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import {
  RequestRecord_Outcome as Outcome,
  type RequestRecord,
  RequestRecordSchema,
} from '#gen/exai/v1/event_pb'
import { RouteAttempt_Outcome as Ended, RouteSkip_Reason as Skipped } from '#gen/exai/v1/route_pb'
import { Usage_Provenance } from '#gen/exai/v1/usage_pb'

/** The protobuf form of a span or an instant in milliseconds. */
export const timeOf = (ms: number) => {
  const seconds = Math.floor(ms / 1000)
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) }
}

const models = [
  ['openai', 'gpt-5.2'],
  ['glm', 'glm-5'],
  ['kimi', 'kimi-k3'],
] as const

const idOf = (prefix: string, index: number): string =>
  `${prefix}01980000-0000-7000-8000-${String(index).padStart(12, '0')}`

/** How a call is to differ from the others. */
export interface CallKind {
  readonly outcome?: Outcome
  readonly error?: ErrorReason
  /** Whether somebody else failed before the one that answered. */
  readonly isFallback?: boolean
}

/** A call that ended; its numbers follow from its index. */
export function callOf(index: number, startMs: number, kind: CallKind = {}): RequestRecord {
  const { outcome = Outcome.SUCCEEDED, error = ErrorReason.UNSPECIFIED, isFallback = false } = kind
  const [provider, model] = models[index % models.length] ?? models[0]
  const [other, otherModel] = models[(index + 1) % models.length] ?? models[0]
  const isOk = outcome === Outcome.SUCCEEDED
  const durationMs = 600 + ((index * 37) % 900)
  const firstMs = 180 + ((index * 13) % 240)
  const [input, output] = [120 + ((index * 17) % 900), 40 + ((index * 29) % 500)]
  const costs = { provider, model, cause: isFallback ? 'fallback' : 'first' }
  return create(RequestRecordSchema, {
    requestId: idOf('req-', index),
    responseId: isOk ? idOf('resp_', index) : '',
    method: 'exai.v1.ChatService/StreamComplete',
    door: 'grpc-web',
    tenant: 'default',
    keyLabel: index % 2 === 0 ? 'web app' : 'nightly job',
    startTime: timeOf(startMs),
    duration: timeOf(durationMs),
    overheadDuration: timeOf(3),
    streaming: true,
    outcome,
    error,
    provider: isOk ? provider : '',
    model: isOk ? model : '',
    requestBytes: 812n,
    responseBytes: 5120n,
    ...(isOk
      ? {
          timeToFirstToken: timeOf(firstMs),
          usage: { inputTokens: input, outputTokens: output, provenance: Usage_Provenance.REPORTED },
          cost: {
            known: true,
            nanoUsd: BigInt(input * 1250 + output * 10_000),
            priceVersion: '2026-11',
            lines: [
              {
                bucket: 'input',
                quantity: input,
                nanoUsdPerMillion: 1_250_000_000n,
                nanoUsd: BigInt(input * 1250),
                ...costs,
              },
              {
                bucket: 'output',
                quantity: output,
                nanoUsdPerMillion: 10_000_000_000n,
                nanoUsd: BigInt(output * 10_000),
                ...costs,
              },
            ],
          },
        }
      : {}),
    route: {
      requestedModel: 'auto',
      reason: isOk ? 'cheapest that fits' : '',
      configVersion: 3,
      attempts: [
        ...(isFallback
          ? [
              {
                provider: other,
                model: otherModel,
                outcome: Ended.FAILED,
                error: ErrorReason.UPSTREAM_LIMITED,
                startOffsetDuration: timeOf(2),
                duration: timeOf(160),
                upstreamStatus: 429,
                upstreamCode: 'rate_limit_exceeded',
                keyLabel: 'main#1',
              },
            ]
          : []),
        {
          provider,
          model,
          outcome: isOk ? Ended.SUCCEEDED : Ended.FAILED,
          error,
          startOffsetDuration: timeOf(isFallback ? 162 : 2),
          duration: timeOf(durationMs - (isFallback ? 165 : 5)),
          keyLabel: 'main#1',
          ...(isOk ? { timeToFirstToken: timeOf(firstMs) } : { upstreamStatus: 503 }),
        },
      ],
      skipped: [
        {
          provider: 'minimax',
          model: 'minimax-m3',
          reason: Skipped.CIRCUIT_OPEN,
          message: 'its circuit is open for 12 s',
        },
      ],
    },
  })
}
