// Checks MiniMax's files against its double: ids beyond JavaScript's numbers stay exact, and errors hide under status 200.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FileApi } from '../../../src/providers/file-api.ts'
import { miniMaxDialect } from '../../../src/providers/minimax.ts'
import { createMiniMaxFiles } from '../../../src/providers/minimax-files.ts'
import { startMiniMax } from '../../support/upstream/minimax.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { failureOf, filesOf, readAll, signal, uploadOf } from './file-apis.ts'

let double: Upstream
let files: FileApi
let close: () => Promise<void>
beforeAll(async () => {
  double = await startMiniMax()
  const made = filesOf({ provider: 'minimax', dialect: miniMaxDialect, baseUrl: double.url })
  files = createMiniMaxFiles(made.deps)
  close = made.close
})
afterAll(async () => {
  await close()
  await double.close()
})

const video = () => uploadOf({ filename: 'a.mp4', mimeType: 'video/mp4', purpose: 'video_understanding' })

describe('a file at MiniMax', () => {
  it('keeps every digit of its id, there and back', async () => {
    const first = await files.upload(video())
    const second = await files.upload(video())
    expect(Number.isSafeInteger(Number(first.id))).toBe(false)
    expect(BigInt(second.id) - BigInt(first.id)).toBe(1n)
    expect(first).toEqual({ id: first.id, purpose: 'video_understanding', ready: true })
    await files.waitReady(first, signal)
    expect(await files.delete(first, signal)).toBe(true)
    expect(double.requests.at(-1)?.rawBody.toString()).toBe(
      `{"file_id":${first.id},"purpose":"video_understanding"}`,
    )
    // The neighbour, which has the same number as far as JavaScript can tell.
    expect(Number(first.id)).toBe(Number(second.id))
    expect(await readAll(files.content(second, signal))).toBe('some txt')
    expect(await files.delete(first, signal)).toBe(false)
    expect(await files.delete(second, signal)).toBe(true)
  })

  it('that it refuses to delete is not taken for gone', async () => {
    const sent = await files.upload(video())
    double.next({ faults: ['code=2013'], match: ({ path }) => path.endsWith('/delete') })
    const error = await failureOf(files.delete(sent, signal))
    expect(error).toMatchObject({ reason: 'INVALID_REQUEST', details: { upstreamCode: '2013' } })
    expect(await files.delete(sent, signal)).toBe(true)
  })

  it('that is not there has no content, and says so under status 200', async () => {
    const gone = { id: '316425409073269999', purpose: 'video_understanding' }
    const error = await failureOf(readAll(files.content(gone, signal)))
    expect(error).toMatchObject({ reason: 'INVALID_REQUEST', details: { upstreamCode: '2013' } })
  })

  it.each([
    ['1008', 'UPSTREAM_CREDENTIALS', 'quota'],
    ['1002', 'UPSTREAM_LIMITED', 'rate_limit'],
    ['2049', 'UPSTREAM_CREDENTIALS', 'auth'],
  ])('refused with %s under status 200 is %s', async (code, reason, keyTrouble) => {
    double.next({ faults: [`code=${code}`, 'form=base_resp'] })
    const error = await failureOf(files.upload(video()))
    expect(error).toMatchObject({ reason, details: { against: 'key', keyTrouble, upstreamCode: code } })
  })

  it('of a wrong type is refused in its own words', async () => {
    const error = await failureOf(files.upload(uploadOf({ purpose: 'video_understanding' })))
    expect(error.reason).toBe('INVALID_REQUEST')
    expect(error.message).toContain('file type must be one of mp4, avi, mov, mkv')
  })

  it('with an id that is no number is named as text', async () => {
    expect(await files.delete({ id: 'abc"', purpose: 'x' }, signal)).toBe(false)
    const [request] = double.requests.slice(-2)
    expect(request?.rawBody.toString()).toBe('{"file_id":"abc\\"","purpose":"x"}')
  })
})
