// Checks how the double bends the wire as compatible hosts do: line ends, fields, tool calls, usage, endless lines.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startUpstream } from '../../support/upstream/openai.ts'
import { at, type RawAnswer, rawCall } from '../../support/upstream/raw-call.ts'
import type { Upstream } from '../../support/upstream/server.ts'

let upstream: Upstream
beforeEach(async () => {
  upstream = await startUpstream()
})
afterEach(() => upstream.close())

const ask = (fault: string, more: object = {}): Promise<RawAnswer> => {
  const messages = [{ role: 'user', content: `Hi [[fault:${fault}]]` }]
  return rawCall(upstream.url, { body: { model: 'test-model', stream: true, messages, ...more } })
}
const usageAsked = { stream_options: { include_usage: true } }
const deltas = (answer: RawAnswer): readonly unknown[] =>
  answer.chunks.map(chunk => at(chunk, 'choices', 0, 'delta'))
const callsIn = (answer: RawAnswer): readonly unknown[] =>
  deltas(answer).flatMap(delta => {
    const calls = at(delta, 'tool_calls')
    return Array.isArray(calls) ? calls : []
  })
const finish = (answer: RawAnswer): unknown => at(answer.chunks, -1, 'choices', 0, 'finish_reason')

describe('the lines of a stream', () => {
  it('can end as CRLF or CR, lack the space, begin with a byte order mark', async () => {
    const plain = (await ask('slow-body=0')).text
    // The id counts the answers, so that it is the only thing that differs.
    const same = (text: string): string => text.replaceAll(/chatcmpl-\d+|"created":\d+/g, '')
    expect(same((await ask('crlf')).text)).toBe(same(plain.replaceAll('\n', '\r\n')))
    expect(same((await ask('cr')).text)).toBe(same(plain.replaceAll('\n', '\r')))
    expect(same((await ask('data-without-space')).text)).toBe(same(plain.replaceAll('data: ', 'data:')))
    expect(same((await ask('bom')).text)).toBe(same(`\uFEFF${plain}`))
  })

  it('can have comments and blank lines between', async () => {
    const answer = await ask('comments=OPENROUTER PROCESSING')
    expect(answer.text.startsWith(': OPENROUTER PROCESSING\n\n\n:\ndata: {')).toBe(true)
    expect(answer.text.match(/^: OPENROUTER PROCESSING$/gm)).toHaveLength(6)
    expect(answer.chunks).toHaveLength(5)
  })

  it('can be cut into writes at given offsets', async () => {
    const answer = await ask('split-at=3,10')
    expect(answer.pieces.slice(0, 2).map(piece => piece.bytes.length)).toEqual([3, 7])
    expect(answer.text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  it('can be one of 100 MB, sent no faster than it is read and not on when the reader goes', async () => {
    const leaving = new AbortController()
    let got = 0
    const call = rawCall(upstream.url, {
      body: { model: 'test-model', stream: true, messages: [{ role: 'user', content: '[[fault:flood]]' }] },
      signal: leaving.signal,
      onPiece: piece => {
        got += piece.length
        if (got > 1_000_000) leaving.abort()
      },
    })
    const answer = await call
    const request = await upstream.waitFor(each => each.closedByClientAtMs !== undefined)
    expect(request.bytesSent).toBeGreaterThan(1_000_000)
    expect(request.bytesSent).toBeLessThan(50_000_000)
    expect(answer.text.split('\n').slice(2).join('')).toMatch(/^data: x+$/)
    const small = await ask('flood=200000')
    expect(small.text).toContain(`\n\ndata: ${'x'.repeat(200_000)}data: {`)
  })
})

describe('reasoning', () => {
  it.each([
    ['reasoning-content=Well then', ['reasoning_content']],
    ['reasoning=Well then', ['reasoning']],
    ['reasoning-twice=Well then', ['reasoning_content', 'reasoning']],
  ])('comes before the text in the fields of the host: %s', async (fault, fields) => {
    const pieces = deltas(await ask(fault))
    expect(pieces.slice(1, 3)).toEqual(
      ['Well ', 'then'].map(text => Object.fromEntries(fields.map(field => [field, text]))),
    )
    expect(pieces[3]).toEqual({ content: 'You ' })
    const answer = await ask(fault, { stream: false })
    for (const field of fields) {
      expect(at(answer.json, 'choices', 0, 'message', field)).toBe('Well then')
    }
  })

  it('can be a list of details', async () => {
    const detail = at(deltas(await ask('reasoning-details=Hm')), 1, 'reasoning_details', 0)
    expect(detail).toEqual({ type: 'reasoning.text', text: 'Hm', index: 0 })
  })
})

describe('tool calls', () => {
  it('can come whole in one delta', async () => {
    const answer = await ask('tool-call-whole')
    expect(callsIn(answer)).toEqual([
      {
        index: 0,
        id: 'call_double_a',
        type: 'function',
        function: { name: 'first_tool', arguments: '{"city":"Zürich","days":3}' },
      },
    ])
    expect(finish(answer)).toBe('tool_calls')
  })

  it('can lack the index, or the id', async () => {
    const noIndex = callsIn(await ask('tool-call-no-index'))
    expect(noIndex.map(call => Object.keys(Object(call)))).toEqual([
      ['id', 'type', 'function'],
      ['id', 'type', 'function'],
    ])
    expect(callsIn(await ask('tool-call-no-id')).some(call => at(call, 'id') !== undefined)).toBe(false)
    const answer = await ask('tool-call-no-id', { stream: false })
    expect(at(answer.json, 'choices', 0, 'message', 'tool_calls', 0)).toEqual({
      type: 'function',
      function: { name: 'first_tool', arguments: '{"city":"Zürich","days":3}' },
    })
  })

  it('can have arguments that are an object, empty, or no JSON', async () => {
    const given = async (fault: string) =>
      callsIn(await ask(fault)).map(call => at(call, 'function', 'arguments'))
    expect(await given('tool-call-object-arguments')).toEqual([{ city: 'Zürich', days: 3 }])
    expect(await given('tool-call-empty-arguments')).toEqual([''])
    expect((await given('tool-call-broken-arguments')).join('')).toBe('{"city":"Z')
  })

  it('can be interleaved, or repeat the name in each fragment', async () => {
    const calls = callsIn(await ask('tool-calls-interleaved'))
    expect(calls.slice(0, 6).map(call => at(call, 'index'))).toEqual([0, 1, 0, 1, 0, 1])
    const joined = (index: number) =>
      calls
        .filter(call => at(call, 'index') === index)
        .map(call => at(call, 'function', 'arguments'))
        .join('')
    expect(joined(0)).toBe('{"city":"Zürich","days":3}')
    expect(joined(1)).toBe('{"query":"東京 🗼","limit":2}')
    const names = callsIn(await ask('tool-call-name-repeated')).map(call => at(call, 'function', 'name'))
    expect(names.length).toBeGreaterThan(2)
    expect(new Set(names)).toEqual(new Set(['first_tool']))
  })

  it('can be followed by the reason stop', async () => {
    const answer = await ask('finish-stop-with-tools')
    expect(callsIn(answer).length).toBeGreaterThan(1)
    expect(finish(answer)).toBe('stop')
  })
})

describe('other fields', () => {
  it('usage can be in the choice, in x_groq, in every chunk, or nowhere', async () => {
    const inChoice = await ask('usage-in-choice', usageAsked)
    expect(at(inChoice.chunks, -1, 'choices', 0, 'usage', 'prompt_tokens')).toBe(1)
    expect(inChoice.chunks.every(chunk => at(chunk, 'usage') === null)).toBe(true)
    expect(at((await ask('usage-in-x-groq')).chunks, -1, 'x_groq', 'usage', 'prompt_tokens')).toBe(1)
    const everywhere = await ask('usage-everywhere')
    expect(everywhere.chunks.every(chunk => at(chunk, 'usage', 'completion_tokens') === 3)).toBe(true)
    expect((await ask('no-usage', usageAsked)).text).not.toContain('prompt_tokens')
    expect((await ask('no-usage', { stream: false })).text).not.toContain('usage')
  })

  it('content can be null or a list, delta null, choices missing or empty', async () => {
    expect(deltas(await ask('content-null'))).toEqual([
      { role: 'assistant', content: null, refusal: null },
      {},
    ])
    expect(deltas(await ask('content-list'))[1]).toEqual({ content: [{ type: 'text', text: 'You ' }] })
    expect(deltas(await ask('delta-null')).at(-1)).toBeNull()
    const alive = await ask('keep-alive-chunks')
    expect(alive.chunks.slice(1, 3).map(chunk => at(chunk, 'choices'))).toEqual([undefined, []])
  })

  it('the text, a refusal, the end and its reason can be chosen', async () => {
    const text = (answer: RawAnswer, field: string): string =>
      deltas(answer)
        .map(delta => at(delta, field) ?? '')
        .join('')
    expect(text(await ask('text=Any thing'), 'content')).toBe('Any thing')
    expect(text(await ask('words=300'), 'content')).toMatch(/^word0 .* word299$/)
    const refused = await ask('refusal=I will not')
    expect([text(refused, 'content'), text(refused, 'refusal')]).toEqual(['', 'I will not'])
    expect(finish(await ask('finish=content_filter'))).toBe('content_filter')
    const endless = await ask('no-finish')
    expect(finish(endless)).toBeNull()
    expect(endless.text.endsWith('data: [DONE]\n\n')).toBe(true)
  })
})
