// How near our counts are to o200k_base as OpenAI's own tokenizer counts it: prose, CJK, code and JSON, short and very long.
import { describe, expect, it } from 'vitest'
import { createTokenCounter, exactCharactersMax } from '../../../src/metering/count.ts'
import cjk from '../../fixtures/tokens/cjk.json' with { type: 'json' }
import code from '../../fixtures/tokens/code.json' with { type: 'json' }
import english from '../../fixtures/tokens/english.json' with { type: 'json' }
import json from '../../fixtures/tokens/json.json' with { type: 'json' }

const counter = createTokenCounter()
const kinds = Object.entries({ english, cjk, code, json })
const MOST = 0.15

describe.each(kinds)('a count of %s', (_, { cases, long }) => {
  it('is within 15 % of o200k_base for each text', async () => {
    expect(cases.length).toBeGreaterThanOrEqual(4)
    for (const { text, tokens } of cases) {
      const counted = await counter.countText(text)
      expect(
        Math.abs(counted.tokens - tokens),
        `${counted.tokens} for ${tokens}: ${text}`,
      ).toBeLessThanOrEqual(tokens * MOST)
    }
  })

  it('is within 15 % for a text so long that only samples of it are counted', async () => {
    const whole = `${cases.map(each => each.text).join('\n')}\n`.repeat(long.times)
    expect(whole.length).toBeGreaterThan(exactCharactersMax)
    const { tokens, estimated } = await counter.countText(whole)
    expect(estimated).toBe(true)
    expect(Math.abs(tokens - long.tokens), `${tokens} for ${long.tokens}`).toBeLessThanOrEqual(
      long.tokens * MOST,
    )
  })
})
