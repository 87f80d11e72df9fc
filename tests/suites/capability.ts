// One row of the contract: something a caller can ask for, how it is asked, and how one sees what became of it.
import { expect } from 'vitest'
import type { Script } from '../support/upstream/script.ts'
import type { JsonObject } from '../support/upstream/shape.ts'
import type { MessageInit } from '../unit/providers/known.ts'
import { outcomeOf, type RequestInit, type Rig, type Said } from './provider-rig.ts'
import type { Cell, Outcome } from './provider-spec.ts'

/** A row. */
export interface Capability {
  /** What the row is headed. */
  readonly title: string
  /** Title of its test. */
  readonly test: string
  /** Asks, checks and says what became of it; throws when an answer is wrong. */
  run(rig: Rig, cell: Cell): Promise<Outcome>
  /** Asks the same under `strict`; undefined where strictness changes nothing. */
  readonly strictly?: (rig: Rig, cell: Cell) => Promise<Said>
}

/** What is asked in one request, unary and streamed. */
export interface Question {
  readonly title: string
  readonly test: string
  readonly request: RequestInit | ((rig: Rig) => RequestInit)
  readonly history?: readonly MessageInit[]
  /** Answers of the double, where what it would say by itself does not do. */
  readonly scripts?: readonly Script[] | ((rig: Rig) => readonly Script[])
  /** Whether a body asks the provider itself for it. Default: every body does. */
  readonly isNative?: (body: JsonObject) => boolean
  /** Checks the answer, unless it was refused. */
  readonly check?: (said: Said, cell: Cell, rig: Rig) => void
}

/** Makes the capability of one question: both ways of asking must come to the same. */
export function question(asked: Question): Capability {
  const { request, history, isNative = () => true, check } = asked
  const requestFor = (rig: Rig): RequestInit => (typeof request === 'function' ? request(rig) : request)
  const scriptsFor = (rig: Rig, cell: Cell): readonly Script[] => {
    // A double that is not asked would keep its script for whoever comes next.
    if (cell.outcome === 'refused') return []
    return typeof asked.scripts === 'function' ? asked.scripts(rig) : (asked.scripts ?? [])
  }
  const asking = (cell: Cell, stream: boolean) => ({
    stream,
    ...(history === undefined ? {} : { history }),
    ...(cell.model === undefined ? {} : { model: cell.model }),
  })
  return {
    title: asked.title,
    test: asked.test,
    async run(rig, cell) {
      const seen: Outcome[] = []
      for (const stream of [false, true]) {
        const said = await rig.ask(requestFor(rig), {
          ...asking(cell, stream),
          scripts: scriptsFor(rig, cell),
        })
        const outcome = outcomeOf(said, rig.double === undefined ? () => true : isNative)
        seen.push(outcome)
        if (outcome === 'refused') continue
        expect(said.warnings).toEqual(cell.warnings ?? [])
        expect(said.deltas.at(-1)).toMatchObject({ type: 'finish' })
        check?.(said, cell, rig)
        const body = said.bodies.at(-1)
        if (cell.body !== undefined) expect(body).toMatchObject(cell.body)
        for (const field of cell.without ?? []) expect(body).not.toHaveProperty(field)
      }
      const [unary, streamed] = seen
      expect(streamed).toBe(unary)
      return unary === 'native' && cell.outcome === 'none' ? 'none' : (unary ?? 'none')
    },
    strictly: (rig, cell) =>
      rig.ask(
        { ...requestFor(rig), strict: true },
        { ...asking(cell, false), scripts: isAltered(cell) ? [] : scriptsFor(rig, cell) },
      ),
  }
}

/** Whether something is asked of the provider in another way than the caller did, so that `strict` refuses it. */
export function isAltered({ outcome, warnings = [] }: Cell): boolean {
  return outcome === 'warned' || outcome === 'refused' || warnings.length > 0
}
