// The stored files of a chat, in memory: what a provider's giver asks for, with everything that it does with copies on record.
import { create } from '@bufbuild/protobuf'
import { type Message, MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import type { ChatFiles, FileGiving } from '../../src/core/chat-files.ts'
import { GatewayError } from '../../src/core/errors.ts'
import type { CopyKey, RemoteCopy, StoredFile } from '../../src/core/files.ts'

/** A file with its bytes, and the text that was read of it. */
export interface TestFile {
  readonly stored: StoredFile
  readonly bytes: Uint8Array
  readonly text?: string
}

/** Makes a file; its blob has the name of its id. */
export function testFile(
  id: string,
  mimeType: string,
  content: string | Uint8Array,
  over: { readonly text?: string; readonly filename?: string } = {},
): TestFile {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const { text, filename = `${id}.bin` } = over
  const stored: StoredFile = {
    tenant: 'default',
    id,
    filename,
    mimeType,
    sizeBytes: bytes.byteLength,
    sha256: '',
    blobKey: `blob-${id}`,
    createdAt: 0,
    metadata: {},
    purpose: '',
    text: text === undefined ? { state: 'none' } : { state: 'ready', tokens: 3 },
  }
  return { stored, bytes, ...(text === undefined ? {} : { text }) }
}

/** The files of a chat and what has become of them. */
export interface TestGiving {
  readonly files: ChatFiles
  /** Copies that are remembered, by `provider/account/blob`; `making` while one is made. */
  readonly copies: Map<string, RemoteCopy | 'making'>
  /** Texts that were kept. */
  readonly texts: Map<string, string>
  /** Bytes that are held now. */
  readonly heldBytes: () => number
  /** What was asked of `owners`. */
  readonly asked: string[][]
  /** Takes the bytes of a file away. */
  lose(id: string): void
}

/** Puts files into a giving. */
export function givingOf(...files: readonly TestFile[]): TestGiving {
  const bytes = new Map(files.map(file => [file.stored.blobKey, file.bytes]))
  const texts = new Map(files.flatMap(({ stored, text }) => (text === undefined ? [] : [[stored.id, text]])))
  const copies = new Map<string, RemoteCopy | 'making'>()
  const asked: string[][] = []
  let held = 0
  const nameOf = ({ provider, account, blobKey }: CopyKey): string => `${provider}/${account}/${blobKey}`
  const giving: FileGiving = {
    text: async ({ id }) => texts.get(id),
    keepText: async ({ id }, text) => void texts.set(id, text),
    async *read({ blobKey }) {
      const whole = bytes.get(blobKey)
      if (whole === undefined) throw new GatewayError('FILE_NOT_FOUND', 'the bytes are gone')
      for (let at = 0; at < whole.byteLength; at += 65_536) yield whole.subarray(at, at + 65_536)
    },
    async hold(sizeBytes) {
      held += sizeBytes
      return () => {
        held -= sizeBytes
      }
    },
    async owners(provider, blobKeys) {
      asked.push([...blobKeys])
      const owned = [...copies].filter(([, copy]) => copy !== 'making').map(([name]) => name.split('/'))
      const fits = owned.filter(([of, , blob]) => of === provider && blobKeys.includes(blob ?? ''))
      return [...new Set(fits.map(([, account]) => account ?? ''))]
    },
    async claimCopy(key, leaseMs) {
      const copy = copies.get(nameOf(key))
      if (copy === 'making') return { state: 'busy', until: Date.now() + leaseMs }
      if (copy !== undefined) return { state: 'ready', ...copy }
      if (!bytes.has(key.blobKey)) return { state: 'gone' }
      copies.set(nameOf(key), 'making')
      return { state: 'ours' }
    },
    keepCopy: async (key, copy) => void copies.set(nameOf(key), copy),
    dropCopy: async key => void copies.delete(nameOf(key)),
  }
  return {
    files: { stored: new Map(files.map(({ stored }) => [stored.id, stored])), giving },
    copies,
    texts,
    heldBytes: () => held,
    asked,
    lose: id => void bytes.delete(`blob-${id}`),
  }
}

/** A user's message that names files after a text. */
export function naming(text: string, ...files: readonly TestFile[]): Message {
  return create(MessageSchema, {
    role: Role.USER,
    content: [
      { kind: { case: 'text', value: text } },
      ...files.map(({ stored: { id, mimeType, filename } }) => {
        const source = { case: 'fileId', value: id } as const
        return { kind: { case: 'media', value: { source, mimeType, filename } } } as const
      }),
    ],
  })
}
