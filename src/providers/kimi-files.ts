// Files at Kimi: images and videos that messages name by `ms://`, and documents of which it makes text.
import type { FileApi, FileApiDeps } from './file-api.ts'
import { createFileCalls, noFileIn } from './file-calls.ts'
import { type FileState, waitUntilReady } from './file-ready.ts'
import type { Upstream } from './openai-dialect/dialect.ts'
import { quoted } from './openai-dialect/quote.ts'
import { foreign, foreignText } from './openai-dialect/wire.ts'

/** Most bytes of one file (platform.moonshot.ai/docs/api/files: 100 MB; 1000 files and 10 GB per user). */
export const kimiFileBytesMax = 100_000_000

const states: ReadonlyMap<string, FileState['state']> = new Map<string, FileState['state']>([
  ['ready', 'ready'],
  ['ok', 'ready'],
  ['error', 'failed'],
  ['failed', 'failed'],
])

/** Makes the files of one key at Kimi. The purposes are `file-extract`, `image`, `video` and `batch`. */
export function createKimiFiles(deps: FileApiDeps): FileApi {
  const calls = createFileCalls(deps)
  const { upstream } = calls
  return {
    async upload(upload) {
      const { body } = await calls.post('/files', upload, kimiFileBytesMax)
      const id = foreignText(foreign<'id'>(body)?.id)
      if (id === '') throw noFileIn(upstream)
      return { id, purpose: upload.purpose, ready: stateOf(upstream, body).state === 'ready' }
    },
    async waitReady({ id }, signal) {
      const look = async (until: AbortSignal) =>
        stateOf(upstream, (await calls.demand({ method: 'GET', path: pathOf(id) }, until, id)).body)
      const { clock, polling } = deps
      await waitUntilReady({ provider: upstream.provider, clock, polling, look, signal })
    },
    content: ({ id }, signal) => calls.read(`${pathOf(id)}/content`, signal, id),
    async delete({ id }, signal) {
      const { fault } = await calls.ask({ method: 'DELETE', path: pathOf(id) }, signal, id)
      if (fault === undefined) return true
      if (fault.reason === 'FILE_NOT_FOUND') return false
      throw fault
    },
  }
}

const pathOf = (id: string): string => `/files/${encodeURIComponent(id)}`

function stateOf(upstream: Upstream, body: unknown): FileState {
  const file = foreign<'status' | 'status_details'>(body)
  // A word that nobody knows is one more step on the way.
  const state = states.get(foreignText(file?.status)) ?? 'processing'
  if (state !== 'failed') return { state }
  return { state, why: quoted(upstream, foreignText(file?.status_details)).replace(/^: /, '') }
}
