// OpenAI's files in the shape that the files of every provider have.
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import { type FileApi, type FileApiDeps, noSuchFile, type Polling, pieces } from './file-api.ts'
import { uploadName } from './file-name.ts'
import { type FileState, waitUntilReady } from './file-ready.ts'
import { createOpenAiFiles, type OpenAiFiles, type FileUpload as OpenAiUpload } from './openai-files.ts'

/** What is needed beside the files themselves. */
export interface OpenAiFileApiDeps {
  /** Id of the provider, for messages. */
  readonly provider: string
  readonly files: OpenAiFiles
  readonly clock: Clock
  readonly polling?: Partial<Polling>
}

const purposes: readonly OpenAiUpload['purpose'][] = [
  'assistants',
  'batch',
  'fine-tune',
  'vision',
  'user_data',
  'evals',
]

/** Makes the files of one key at OpenAI, over its way in. */
export function createOpenAiKeyFiles({ upstream, access, clock, polling }: FileApiDeps): FileApi {
  const files = createOpenAiFiles({ upstream, access, clock })
  return createOpenAiFileApi({ provider: upstream.provider, files, clock, ...(polling && { polling }) })
}

/** Puts them in the shape of all files; `vision` is for images, `user_data` for documents. */
export function createOpenAiFileApi({ provider, files, clock, polling }: OpenAiFileApiDeps): FileApi {
  async function look(id: string, signal: AbortSignal): Promise<FileState> {
    const file = await files.poll(id, signal)
    if (file === undefined) throw noSuchFile(provider, id)
    return file.state === 'failed' ? { state: 'failed', why: '' } : { state: file.state }
  }

  return {
    async upload({ bytes, ...upload }) {
      const purpose = purposes.find(each => each === upload.purpose)
      if (purpose === undefined)
        throw new GatewayError('INVALID_REQUEST', `${provider} knows no purpose ${upload.purpose}`, {
          provider,
        })
      const { id, state } = await files.upload({
        ...upload,
        filename: uploadName(upload.filename, upload.mimeType),
        purpose,
        bytes: pieces(bytes),
      })
      return { id, purpose, ready: state === 'ready' }
    },
    waitReady: ({ id }, signal) =>
      waitUntilReady({ provider, clock, polling, look: until => look(id, until), signal }),
    // biome-ignore lint/correctness/useYield: it has the shape of those that give something.
    async *content() {
      const message = `${provider} gives out no files that messages name: keep the bytes`
      throw new GatewayError('UNSUPPORTED', message, { provider, against: 'nobody' })
    },
    delete: ({ id }, signal) => files.delete(id, signal),
  }
}
