// A stored file as the contract describes it.
import type { MessageInitShape } from '@bufbuild/protobuf'
import { type FileSchema, File_TextState as TextState } from '#gen/exai/v1/file_pb'
import type { FileText, StoredFile } from '../core/files.ts'
import { timestampOf } from '../core/time.ts'

/** The most that the answer has room for. */
const TOKENS_MAX = 2 ** 31 - 1

const STATES = {
  pending: TextState.PENDING,
  ready: TextState.READY,
  none: TextState.NONE,
  failed: TextState.FAILED,
} as const satisfies Record<FileText['state'], TextState>

/** The message for a file. */
export function fileMessage(file: StoredFile): MessageInitShape<typeof FileSchema> {
  const { text } = file
  return {
    id: file.id,
    filename: file.filename,
    mimeType: file.mimeType,
    sizeBytes: BigInt(file.sizeBytes),
    sha256: file.sha256,
    createTime: timestampOf(file.createdAt),
    ...(file.expiresAt === undefined ? {} : { expireTime: timestampOf(file.expiresAt) }),
    metadata: { ...file.metadata },
    purpose: file.purpose,
    textState: STATES[text.state],
    ...(text.state === 'ready' ? { textTokenCount: Math.min(text.tokens, TOKENS_MAX) } : {}),
  }
}
