// The plan of docs/capacity.md: computed from the rows of the benchmark, and from nothing else.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { costsIn, planOf } from '../../scripts/capacity.ts'
import { root } from '../support/tools.ts'

const PAGE = `
| unary, Connect JSON, HTTP/1.1 | call | 1,100.0 | 90 – 110 |
| unary, gRPC, h2c              | call |   200.0 | 90 – 110 |
| stream at once, gRPC, h2c     | event |   2.0 | |
| stream with pauses, gRPC, h2c | event |  10.0 | |
| Connect JSON, HTTP/1.1 |    nothing asked, nothing limited |  100.0 |  |
| Connect JSON, HTTP/1.1 | API key; limits of key and tenant |  130.0 | 1.3 |
| Connect JSON, HTTP/1.1 | log with files, traces, scrapes |  170.0 |  70.0 | 18.1 |
`

it('the costs are read from their rows', () => {
  expect(costsIn(PAGE)).toEqual({
    unaryUs: 1_100,
    grpcUs: 200,
    eventAtOnceUs: 2,
    eventPacedUs: 10,
    guardedUs: 30,
    observedUs: 70,
  })
  expect(() => costsIn(PAGE.replace('unary, gRPC', 'unary, Thrift'))).toThrow('no figure for')
})

it('a million calls a minute, of which half stream, are so many cores', () => {
  const plan = planOf(costsIn(PAGE))
  expect(plan).toContain('| calls a second | 16,667 |')
  // 200 + 30 + 70, and 100 events of 10 more for a stream: 800 µs on average, 16,667 times a second.
  expect(plan).toContain('| CPU of a whole answer | 300 µs |')
  expect(plan).toContain('| CPU of a stream | 1,300 µs |')
  expect(plan).toContain('| cores that work, half streams | 13 |')
  expect(plan).toContain('| cores to have, half streams | 23 |')
  expect(plan).toContain('| instances of four cores, half streams | 7 |')
  expect(plan).toContain('| instances of four cores, whole answers alone | 4 |')
})

it('the page of the benchmark has every row that the plan goes out from', () => {
  const costs = costsIn(readFileSync(join(root, 'docs/benchmarks.md'), 'utf8'))
  for (const us of [costs.unaryUs, costs.grpcUs, costs.eventPacedUs]) expect(us).toBeGreaterThan(0)
})
