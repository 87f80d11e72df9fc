// What the calls of a soak were told, and whether the ledger of the service says the same: each answer once, at the provider's count.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Answer } from '../support/doors/door.ts'

/** Dollars for a million tokens, as the configuration of the soak has them. */
export const PRICES = { input: 2, output: 8 } as const

/** What the clients of a soak note. */
export interface Books {
  /** Notes an answer that came whole, with the tokens that the provider counts for it. */
  answered(answer: Answer, tokens: readonly [input: number, output: number]): void
  /** Notes a call that may have been answered without anybody there to hear. */
  left(): void
}

/** How the ledger stands beside what the clients were told. */
export interface Balance {
  readonly answers: number
  /** What the provider counted for them, in billionths of a dollar, and what the ledger says. */
  readonly providerNanoUsd: number
  readonly ledgerNanoUsd: number
  /** Answers with no line, with two that cost something, or with another sum. */
  readonly wrong: number
  /** Lines of completed calls that no client heard the end of; there can be no more of them than calls that were left. */
  readonly unheard: number
  readonly left: number
}

/** Books that can be closed. */
export interface OpenBooks extends Books {
  /** Compares them with the ledger in a folder of data, once no service uses it any more. */
  balance(dataDir: string): Balance
}

/** Opens them. */
export function openBooks(): OpenBooks {
  const told = new Map<string, number>()
  let left = 0
  return {
    answered({ id, tokens, nanoUsd }, [input, output]) {
      const nano = (input * PRICES.input + output * PRICES.output) * 1_000
      if (tokens?.[0] !== input || tokens[1] !== output)
        throw new Error(`${id} has ${tokens} tokens, and the provider counted ${input},${output}`)
      if (nanoUsd !== undefined && Number(nanoUsd) !== nano)
        throw new Error(`${id} cost ${nanoUsd}, and the provider counted ${nano}`)
      told.set(id, nano)
    },
    left() {
      left += 1
    },
    balance(dataDir) {
      const store = new DatabaseSync(join(dataDir, 'exai.db'), { readOnly: true })
      const rows = store
        .prepare(
          "SELECT response_id AS id, sum(nano_usd) AS nano, sum(nano_usd > 0) AS paid FROM ledger WHERE outcome = 'completed' AND provider <> 'sandbox' GROUP BY response_id",
        )
        .all()
      store.close()
      const kept = new Map(
        rows.map(row => [String(row['id']), [Number(row['nano']), Number(row['paid'])] as const]),
      )
      const sums = [...told].map(([id, nano]) => ({ nano, kept: kept.get(id) }))
      return {
        answers: told.size,
        providerNanoUsd: sums.reduce((sum, { nano }) => sum + nano, 0),
        ledgerNanoUsd: sums.reduce((sum, one) => sum + (one.kept?.[0] ?? 0), 0),
        wrong: sums.filter(one => one.kept?.[0] !== one.nano || one.kept[1] !== 1).length,
        unheard: [...kept.keys()].filter(id => !told.has(id)).length,
        left,
      }
    },
  }
}
