// Files at MiniMax: videos that messages name by `mm_file://`, under ids that are too great for a JavaScript number.
import { type FileApi, type FileApiDeps, noSuchFile, type RemoteFile } from './file-api.ts'
import { createFileCalls, noFileIn } from './file-calls.ts'
import { foreign, foreignList, foreignText } from './openai-dialect/wire.ts'

/** Makes the files of one key at MiniMax; videos for a chat have the purpose `video_understanding`. A file is ready when it is sent. */
export function createMiniMaxFiles(deps: FileApiDeps): FileApi {
  const calls = createFileCalls(deps)

  // A file that is not there is told as 2013, like every other bad request.
  async function isThere({ id, purpose }: RemoteFile, signal: AbortSignal): Promise<boolean> {
    const query = new URLSearchParams({ purpose })
    const { text } = await calls.demand({ method: 'GET', path: `/files/list?${query}` }, signal)
    const files = foreignList(foreign<'files'>(exactIds(text))?.files)
    return files.some(file => foreignText(foreign<'file_id'>(file)?.file_id) === id)
  }

  return {
    async upload(upload) {
      // No size is documented.
      const { text } = await calls.post('/files/upload', upload, Number.POSITIVE_INFINITY)
      const file = foreign<'file'>(exactIds(text))?.file
      const id = foreignText(foreign<'file_id'>(file)?.file_id)
      if (id === '') throw noFileIn(calls.upstream)
      return { id, purpose: upload.purpose, ready: true }
    },
    async waitReady(file, signal) {
      // What is in the list is ready; there is nothing else to look for.
      if (!(await isThere(file, signal))) throw noSuchFile(calls.upstream.provider, file.id)
    },
    content({ id }, signal) {
      const query = new URLSearchParams({ file_id: id })
      return calls.read(`/files/retrieve_content?${query}`, signal, id)
    },
    async delete(file, signal) {
      const headers = { 'content-type': 'application/json' }
      const request = { method: 'POST', path: '/files/delete', headers, body: naming(file) } as const
      const { fault } = await calls.ask(request, signal, file.id)
      if (fault === undefined) return true
      if (fault.reason === 'FILE_NOT_FOUND') return false
      if (fault.reason === 'INVALID_REQUEST' && !(await isThere(file, signal))) return false
      throw fault
    },
  }
}

/** Parses JSON with every `file_id` as text, digit by digit. */
function exactIds(text: string): unknown {
  // The source text access of ECMAScript 2026, which the types do not know yet.
  return JSON.parse(text, (name, value: unknown, context?: { readonly source?: string }) =>
    name === 'file_id' && typeof value === 'number' ? context?.source : value,
  )
}

// Written by hand, because JSON.stringify has no number of that many digits.
function naming({ id, purpose }: RemoteFile): string {
  const number = /^(?:0|[1-9]\d{0,39})$/.test(id) ? id : JSON.stringify(id)
  return `{"file_id":${number},"purpose":${JSON.stringify(purpose)}}`
}
