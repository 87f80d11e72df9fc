// What a recording must do on any shared state: keep every event and the ending, in order, within its bounds.
import { create } from '@bufbuild/protobuf'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StreamEventSchema } from '#gen/exai/v1/chat_service_pb'
import {
  createRecorder,
  type ReadDeps,
  type Recorder,
  readRecording,
  type Step,
  standingOf,
} from '../../src/chat/recording.ts'
import { GatewayError } from '../../src/core/errors.ts'
import { createChance } from '../support/seeded.ts'
import { LONG_MS, type SharedRig, TTL_MS } from './shared-log.ts'

const LOG = 'recording:default:one'
const BYTES_MAX = 40_000
const delta = (text: string) => ({ event: { case: 'textDelta', value: { text } } as const })
const never = new AbortController().signal

/** A step in a few words: an event's number and text, or how the reading ended. */
function words(step: Step): string {
  if (step.type === 'event') {
    const { sequence, event } = step.event
    return `${sequence} ${event.case === 'textDelta' ? event.value.text : event.case}`
  }
  if (step.type !== 'end') return step.type
  return step.ending.type === 'failed' ? `failed ${step.ending.error.reason}` : step.ending.type
}

/** Runs the suite on an adapter of the shared state. */
export function recordingSuite(name: string, make: () => Promise<SharedRig>): void {
  describe(name, () => {
    let rig: SharedRig
    let recorder: Recorder
    let isWritten = true
    let source: ReadDeps
    const faults: unknown[] = []

    beforeEach(async () => {
      rig = await make()
      isWritten = true
      faults.length = 0
      recorder = createRecorder({
        shared: rig.shared,
        log: LOG,
        runningMs: LONG_MS,
        bytesMax: BYTES_MAX,
        onFault: fault => void faults.push(fault),
      })
      source = { shared: rig.other, isWritten: () => isWritten, askEveryMs: 5 }
      await recorder.open()
    })
    afterEach(async () => {
      await rig.close()
      expect(faults).toEqual([])
    })

    async function read(after = 0, signal = never): Promise<string[]> {
      const seen: string[] = []
      for await (const step of readRecording(LOG, after, source, signal)) seen.push(words(step))
      return seen
    }

    it('is running and empty at first, then running with its events, then ended with their number', async () => {
      expect(await standingOf('recording:default:none', source)).toEqual({ type: 'gone' })
      expect(await standingOf(LOG, source)).toEqual({ type: 'running', last: 0 })
      recorder.keep(delta('a'))
      recorder.keep(delta('b'))
      await new Promise(resolve => setImmediate(resolve))
      expect(await standingOf(LOG, source)).toEqual({ type: 'running', last: 2 })
      recorder.end({ type: 'completed' }, LONG_MS)
      expect(await standingOf(LOG, source)).toEqual({ type: 'ended', last: 2, ending: { type: 'completed' } })
    })

    it('numbers events anew, from 1, whatever number they came with', async () => {
      recorder.keep({ sequence: 7, ...delta('a') })
      recorder.keep(delta('b'))
      recorder.end({ type: 'completed' }, LONG_MS)
      expect(await read()).toEqual(['1 a', '2 b', 'completed'])
    })

    it('is read from any number on, up to its ending', async () => {
      for (const text of ['a', 'b', 'c']) recorder.keep(delta(text))
      recorder.end({ type: 'failed', error: new GatewayError('UPSTREAM_BROKEN', 'broke') }, LONG_MS)
      const all = ['1 a', '2 b', '3 c', 'failed UPSTREAM_BROKEN']
      for (let after = 0; after <= 3; after += 1) expect(await read(after)).toEqual(all.slice(after))
    })

    it('keeps every field of an event', async () => {
      const event = create(StreamEventSchema, {
        sequence: 1,
        event: { case: 'toolCallDelta', value: { callId: 'c1', arguments: '{"a":"ü🗼"}' } },
      })
      recorder.keep(event)
      recorder.end({ type: 'completed' }, LONG_MS)
      const { value } = await readRecording(LOG, 0, source, never).next()
      expect(value).toEqual({ type: 'event', event })
    })

    it('forgets its first events when it has grown past its limit, and a reader is told', async () => {
      for (let index = 1; index <= 10; index += 1) {
        recorder.keep(delta('x'.repeat(7_000)))
        await new Promise(resolve => setImmediate(resolve))
      }
      recorder.end({ type: 'completed' }, LONG_MS)
      expect(recorder.sizeBytes()).toBeLessThanOrEqual(BYTES_MAX)
      expect(await read()).toEqual(['gone'])
      const kept = await read(6)
      expect([kept.length, kept.at(-1)]).toEqual([5, 'completed'])
      expect(await standingOf(LOG, source)).toMatchObject({ type: 'ended', last: 10 })
    })

    it('keeps its last event and its ending, however large they are', async () => {
      recorder.keep(delta('a'))
      recorder.keep(delta('x'.repeat(2 * BYTES_MAX)))
      recorder.end({ type: 'completed' }, LONG_MS)
      expect(await read(1)).toEqual([`2 ${'x'.repeat(2 * BYTES_MAX)}`, 'completed'])
      expect(await read()).toEqual(['gone'])
    })

    it('is gone when its time is over, also for who reads it then', async () => {
      recorder.keep(delta('a'))
      recorder.end({ type: 'completed' }, TTL_MS)
      const reading = readRecording(LOG, 0, source, never)
      expect((await reading.next()).value).toMatchObject({ type: 'event' })
      await rig.elapse(TTL_MS + 1)
      expect(await standingOf(LOG, source)).toEqual({ type: 'gone' })
      expect(await read()).toEqual(['gone'])
      await reading.return(undefined)
    })

    it('is lost when its writer is gone without an ending: what is kept comes first', async () => {
      recorder.keep(delta('a'))
      await new Promise(resolve => setImmediate(resolve))
      const waiting = read()
      await new Promise(resolve => setImmediate(resolve))
      isWritten = false
      expect(await waiting).toEqual(['1 a', 'lost'])
      expect(await read()).toEqual(['1 a', 'lost'])
      expect(await read(1)).toEqual(['lost'])
      expect(await standingOf(LOG, source)).toEqual({ type: 'lost', last: 1 })
    })

    it('is read whole by a reader who was not looking when its writer went', async () => {
      for (let index = 1; index <= 5; index += 1) recorder.keep(delta(`${index}`))
      const reading = readRecording(LOG, 0, source, never)
      expect((await reading.next()).value).toMatchObject({ type: 'event' })
      for (let index = 6; index <= 100; index += 1) recorder.keep(delta('x'))
      recorder.end({ type: 'completed' }, LONG_MS)
      isWritten = false
      // Several times as long as it takes to notice.
      await new Promise(resolve => setTimeout(resolve, 25))
      const rest: string[] = []
      for await (const step of reading) rest.push(words(step))
      expect([rest.length, rest.at(-1)]).toEqual([100, 'completed'])
    })

    it('throws the reason of a signal that ends the reading', async () => {
      const ending = new AbortController()
      const reading = read(0, ending.signal)
      const reason = new GatewayError('CANCELLED', 'left')
      await new Promise(resolve => setImmediate(resolve))
      ending.abort(reason)
      await expect(reading).rejects.toBe(reason)
    })

    it.each([1, 2, 3, 4])('gives every reader every event once, by chance of seed %i', async seed => {
      const chance = createChance(seed)
      const total = 150
      const turn = async (): Promise<void> => {
        for (let hop = chance.below(5); hop > 0; hop -= 1) await Promise.resolve()
        if (chance.below(4) === 0) await new Promise(resolve => setImmediate(resolve))
      }
      const readings: { after: number; seen: Promise<string[]> }[] = []
      for (let index = 1; index <= total; index += 1) {
        recorder.keep(delta('x'))
        await turn()
        if (chance.below(15) > 0) continue
        const standing = await standingOf(LOG, source)
        const after = standing.type === 'gone' ? 0 : chance.below(standing.last + 1)
        readings.push({ after, seen: read(after) })
      }
      recorder.end({ type: 'completed' }, LONG_MS)
      readings.push({ after: 0, seen: read() })
      for (const { after, seen } of readings) {
        const wanted = Array.from({ length: total - after }, (_, index) => `${after + index + 1} x`)
        expect(await seen).toEqual([...wanted, 'completed'])
      }
    })
  })
}
