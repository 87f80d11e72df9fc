// Files at GLM (Z.AI and BigModel). Messages cannot name them: they serve agents, batches and the code interpreter.
import { type FileApi, type FileApiDeps, noSuchFile, type RemoteFile } from './file-api.ts'
import { createFileCalls, noFileIn } from './file-calls.ts'
import { foreign, foreignList, foreignText } from './openai-dialect/wire.ts'

/** Most bytes of one file (docs.z.ai/api-reference, files: 100 MB, above it status 435). */
export const glmFileBytesMax = 100_000_000

const PAGE = 100
/** At most 1000 files have one purpose, by the same source. */
const PAGES_MAX = 11

/** Makes the files of one key at GLM. Z.AI knows the purpose `agent` only; BigModel others, too. A file is ready when it is sent. */
export function createGlmFiles(deps: FileApiDeps): FileApi {
  const calls = createFileCalls(deps)
  const { upstream } = calls

  // There is no retrieve: only the list tells a file that is not there from other bad requests, all of them 1214.
  async function isThere({ id, purpose }: RemoteFile, signal: AbortSignal): Promise<boolean> {
    let after = ''
    for (let page = 0; page < PAGES_MAX; page++) {
      const query = new URLSearchParams({ purpose, limit: String(PAGE), ...(after && { after }) })
      const { body } = await calls.demand({ method: 'GET', path: `/files?${query}` }, signal)
      const list = foreign<'data' | 'has_more'>(body)
      const ids = foreignList(list?.data).map(each => foreignText(foreign<'id'>(each)?.id))
      if (ids.includes(id)) return true
      after = ids.at(-1) ?? ''
      if (after === '' || list?.has_more === false) return false
    }
    return false
  }

  return {
    async upload(upload) {
      const { body } = await calls.post('/files', upload, glmFileBytesMax)
      const id = foreignText(foreign<'id'>(body)?.id)
      if (id === '') throw noFileIn(upstream)
      return { id, purpose: upload.purpose, ready: true }
    },
    async waitReady(file, signal) {
      if (!(await isThere(file, signal))) throw noSuchFile(upstream.provider, file.id)
    },
    content: ({ id }, signal) => calls.read(`${pathOf(id)}/content`, signal, id),
    async delete(file, signal) {
      const { id } = file
      const { fault } = await calls.ask({ method: 'DELETE', path: pathOf(id) }, signal, id)
      if (fault === undefined) return true
      // A 404 is a path that is not there.
      const perhapsGone = fault.reason === 'INVALID_REQUEST' || fault.reason === 'FILE_NOT_FOUND'
      if (perhapsGone && !(await isThere(file, signal))) return false
      throw fault
    },
  }
}

const pathOf = (id: string): string => `/files/${encodeURIComponent(id)}`
