// Requests to auto whose model and reason were worked out by hand from the rules, before the code was asked.
import type { JsonObject } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import conversations from '../../fixtures/auto/conversations.json' with { type: 'json' }
import limits from '../../fixtures/auto/limits.json' with { type: 'json' }
import live from '../../fixtures/auto/live.json' with { type: 'json' }
import preferences from '../../fixtures/auto/preferences.json' with { type: 'json' }
import shapes from '../../fixtures/auto/shapes.json' with { type: 'json' }
import tasks from '../../fixtures/auto/tasks.json' with { type: 'json' }
import { type Given, planAuto } from '../../support/auto-catalogue.ts'

interface Row extends Given {
  readonly ask: JsonObject
  readonly model: string
  readonly reason: string
}
interface Group {
  readonly because: string
  readonly requests: readonly Row[]
}

// The files are read as what they are meant to be: a row that is not cannot give the model that it names.
const files = { tasks, shapes, preferences, limits, live, conversations } as unknown as Readonly<
  Record<string, readonly Group[]>
>
const rows = Object.entries(files).flatMap(([file, groups]) =>
  groups.flatMap(({ because, requests }) => requests.map(row => ({ file, because, row }))),
)

describe('auto', () => {
  it('is held against more than 200 requests', () => {
    expect(rows.length).toBeGreaterThan(200)
    expect(rows.every(({ because }) => because.length > 20)).toBe(true)
  })

  it.each(rows.map(one => [one.file, JSON.stringify(one.row.ask), one.row] as const))(
    '%s: %s goes to whom the rules name, and says why',
    (_file, _ask, { ask, model, reason, ...given }) => {
      expect(planAuto(ask, given)[0]).toEqual({ model, reason })
    },
  )
})
