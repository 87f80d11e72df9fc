// A cost as canonical protobuf JSON, written by hand: the generic writer looks up each field by its description, for every call.
import type { Cost, CostLine } from '#gen/exai/v1/usage_pb'

/** The canonical JSON of a cost: fields in their order, those with their default value left out, money as text. */
export function costJson({ nanoUsd, lines, priceVersion, known }: Cost): string {
  return JSON.stringify({
    nanoUsd: moneyOf(nanoUsd),
    lines: lines.length === 0 ? undefined : lines.map(lineOf),
    priceVersion: textOf(priceVersion),
    known: known ? true : undefined,
  })
}

function lineOf({ bucket, quantity, nanoUsdPerMillion, nanoUsd, provider, model, cause }: CostLine): object {
  return {
    bucket: textOf(bucket),
    quantity: quantity === 0 ? undefined : quantity,
    nanoUsdPerMillion: moneyOf(nanoUsdPerMillion),
    nanoUsd: moneyOf(nanoUsd),
    provider: textOf(provider),
    model: textOf(model),
    cause: textOf(cause),
  }
}

function moneyOf(nanoUsd: bigint): string | undefined {
  return nanoUsd === 0n ? undefined : nanoUsd.toString()
}

function textOf(text: string): string | undefined {
  return text === '' ? undefined : text
}
