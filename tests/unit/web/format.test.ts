// How the page writes numbers, spans and money.
import { expect, test } from 'vitest'
import { ago, bytes, money, percent, rate, short, span, timestamp } from '../../../web/src/format.ts'

test.each([
  [0, '$0'],
  [1_250_000_000, '$1.25'],
  [1_204_400_000_000, '$1,204'],
  [12_345_678, '$0.012'],
  [54_000, '$0.000054'],
  [3, '< $0.0000001'],
])('%d nano US dollars are %s', (nanoUsd, text) => expect(money(nanoUsd)).toBe(text))

test.each([
  [0.4, '< 1 ms'],
  [12.4, '12 ms'],
  [1_250, '1.3 s'],
  [42_000, '42 s'],
  [61_000, '1 min 1 s'],
  [7_260_000, '2 h 1 min'],
  [undefined, '–'],
])('%s milliseconds are %s', (ms, text) => expect(span(ms)).toBe(text))

test('shares, rates, sizes and ages are short', () => {
  expect([percent(0), percent(0.0004), percent(0.093), percent(0.5)]).toEqual([
    '0 %',
    '< 0.1 %',
    '9.3 %',
    '50 %',
  ])
  expect([rate(0), rate(0.001), rate(12.34)]).toEqual(['0', '< 0.01', '12.3'])
  expect([short(999), short(12_345), short(4_560_000)]).toEqual(['999', '12.3k', '4.56M'])
  expect([bytes(512), bytes(81_000_000_000n)]).toEqual(['512 B', '81.0 GB'])
  expect([ago(500), ago(61_000)]).toEqual(['just now', '1 min ago'])
})

test('an instant becomes a protobuf timestamp to the microsecond', () =>
  expect(timestamp(1_700_000_000_123.5)).toEqual({ seconds: 1_700_000_000n, nanos: 123_500_000 }))
