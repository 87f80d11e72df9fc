// The tools that are about files: upload_file and ask_file.
import { z } from 'zod'
import { type File, FileSchema } from '#gen/exai/v1/file_pb'
import { GatewayError } from '../../core/errors.ts'
import { answerSchema, ask, askingFields, requestOf } from './asking.ts'
import { jsonOf, messageSchema, uriOf } from './shown.ts'
import { type ContentBlock, createTool, type Tool, type ToolContext } from './tool.ts'

/** The most bytes of a file that comes in one message; a larger one is uploaded with FilesService.UploadFile. */
const FILE_BYTES_MAX = 4 * 1024 * 1024

const filename = z.string().min(1).max(255).describe('name of the file, such as report.pdf')
const contentBase64 = z.base64().describe('the bytes in base64, at most 4 MiB before that')
const text = z.string().describe('the content, where it is text')
const mimeType = z.string().describe('such as application/pdf. Absent: read from the bytes')

/** Stores a file. */
export const uploadFileTool: Tool = createTool({
  name: 'upload_file',
  title: 'Upload a file',
  description:
    'Stores a file of at most 4 MiB, given as text or in base64, and gives its id for chat and ask_file.',
  input: z.strictObject({
    filename,
    content_base64: contentBase64.optional(),
    text: text.optional(),
    mime_type: mimeType.optional(),
    ttl_seconds: z.int().positive().optional().describe('when it is deleted. Absent: as configured'),
  }),
  output: z.object({ file: messageSchema }),
  isReading: false,
  isOutward: false,
  async run({ ttl_seconds, ...given }, context) {
    const file = await upload({ ...given, ttl_seconds }, context)
    return {
      content: [{ type: 'text', text: `${file.id}: ${sizeOf(file)}` }, linkTo(file)],
      structured: { file: jsonOf(FileSchema, file) },
    }
  },
})

/** Asks a model about a file. */
export const askFileTool: Tool = createTool({
  name: 'ask_file',
  title: 'Ask about a file',
  description:
    'Asks a model about a file: one that was uploaded before, by file_id, or one that comes with the question and is stored first.',
  input: z.strictObject({
    question: z.string().min(1).describe('what to ask about the file'),
    file_id: z.string().optional().describe('id of an uploaded file, file_…'),
    filename: filename.optional(),
    content_base64: contentBase64.optional(),
    text: text.optional(),
    mime_type: mimeType.optional(),
    ...askingFields,
  }),
  output: answerSchema.extend({ file_id: z.string() }),
  isReading: false,
  isOutward: true,
  async run({ question, file_id, filename, content_base64, text, mime_type, ...asking }, context) {
    const hasContent = content_base64 !== undefined || text !== undefined
    if ((file_id !== undefined) === hasContent)
      throw new GatewayError(
        'INVALID_REQUEST',
        'give either file_id, or filename with content_base64 or text',
      )
    if (hasContent && filename === undefined)
      throw new GatewayError(
        'INVALID_REQUEST',
        'filename is missing: name the file that comes with the question',
      )
    const given = { filename: filename ?? '', content_base64, text, mime_type }
    const file = hasContent ? await upload(given, context) : undefined
    const id = file?.id ?? file_id ?? ''
    const { content, structured } = await ask(requestOf(asking, question, [id]), context)
    return {
      content: file === undefined ? content : [...content, linkTo(file)],
      structured: { ...structured, file_id: id },
    }
  },
})

interface Given {
  readonly filename: string
  readonly content_base64?: string | undefined
  readonly text?: string | undefined
  readonly mime_type?: string | undefined
  readonly ttl_seconds?: number | undefined
}

async function upload(given: Given, { backend, signal, progress }: ToolContext): Promise<File> {
  const { content_base64, text, mime_type, ttl_seconds } = given
  if ((content_base64 === undefined) === (text === undefined))
    throw new GatewayError('INVALID_REQUEST', 'give the content either as content_base64 or as text')
  const content =
    content_base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(content_base64, 'base64')
  if (content.byteLength > FILE_BYTES_MAX)
    throw new GatewayError(
      'OVERLOADED',
      `the file has ${content.byteLength} bytes, and at most ${FILE_BYTES_MAX} come in one message: upload it with FilesService.UploadFile or POST /v1/files`,
      { origin: 'client' },
    )
  const ttl =
    ttl_seconds === undefined
      ? {}
      : { expiration: { case: 'ttl', value: { seconds: BigInt(ttl_seconds), nanos: 0 } } as const }
  const { file } = await backend.createFile(
    { filename: given.filename, mimeType: mime_type ?? '', content, ...ttl },
    signal,
  )
  if (file === undefined)
    throw new GatewayError('INTERNAL', 'the service stored a file and did not describe it')
  progress(0, `${file.filename} is stored`)
  return file
}

function sizeOf({ filename, mimeType, sizeBytes }: File): string {
  return `${filename}, ${mimeType}, ${sizeBytes} bytes`
}

function linkTo({ id, filename, mimeType }: File): ContentBlock {
  return { type: 'resource_link', uri: uriOf('files', id), name: filename, mimeType }
}
