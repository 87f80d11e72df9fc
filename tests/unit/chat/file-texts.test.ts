// Documents of a chat whose text is still being read: it decides who can be asked, so it is waited for, and not for ever.
import { create } from '@bufbuild/protobuf'
import { beforeEach, describe, expect, test } from 'vitest'
import { type Message, MessageSchema, Role } from '#gen/exai/v1/chat_pb'
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import {
  createFileParts,
  type FilePartsDeps,
  type FileReading,
  TEXT_WAIT_MS,
} from '../../../src/chat/file-parts.ts'
import { GatewayError } from '../../../src/core/errors.ts'
import type { StoredFile } from '../../../src/core/files.ts'
import type { WarningInit } from '../../../src/core/provider.ts'
import { mediumOf, NO_GIVING, storedFile } from '../../support/chat-files.ts'
import { createHandClock, type HandClock } from '../../support/hand-clock.ts'

let clock: HandClock
beforeEach(() => {
  clock = createHandClock()
})

const unread = (): StoredFile => storedFile({ text: { state: 'pending' } })
const showing = (...files: StoredFile[]): Message =>
  create(MessageSchema, { role: Role.USER, content: files.map(mediumOf) })
const filled = async (message: Message, files: FilePartsDeps['files'], own: Partial<FileReading> = {}) =>
  createFileParts({
    files,
    blobs: { read: () => Promise.reject(new Error('nothing is to be read')) as never },
    clock,
    giving: () => NO_GIVING,
  }).resolve([message], { tenant: 'default', signal: new AbortController().signal, ...own })

describe('a document in a chat whose text is still being read', () => {
  test('is waited for, and its text is known then', async () => {
    const pdf = unread()
    const read = { ...pdf, text: { state: 'ready', tokens: 7 } } as const
    const states: StoredFile[] = [pdf, pdf, read]
    const files = { get: async () => states.shift() ?? read }
    const warnings: WarningInit[] = []
    const warn = (warning: WarningInit) => void warnings.push(warning)
    const found = await filled(showing(pdf), files, { warn })
    expect([...(found.files?.stored ?? [])]).toEqual([[pdf.id, read]])
    expect([states, warnings]).toEqual([[], []])
  })

  test('is given up after 30 seconds of all texts of the chat together, and a warning tells', async () => {
    const [one, two] = [unread(), unread()]
    const get = async ({ id }: { readonly id: string }) => {
      looks.push(id)
      clock.pass(TEXT_WAIT_MS)
      return id === one.id ? one : two
    }
    const looks: string[] = []
    const warnings: WarningInit[] = []
    const warn = (warning: WarningInit) => void warnings.push(warning)
    const begunAt = clock.monotonic()
    const { files } = await filled(showing(one, two), { get }, { warn })
    expect([files?.stored.get(one.id), files?.stored.get(two.id)]).toEqual([one, two])
    // The first look is at the file itself; the second one came after a pause, and for the other file no time was left.
    expect([looks, clock.monotonic() - begunAt]).toEqual([[one.id, one.id, two.id], 3 * TEXT_WAIT_MS])
    expect(warnings).toEqual([
      {
        reason: Warning_Reason.NOTICE,
        field: 'messages[0].content[0].media.file_id',
        message: `the text of ${one.id} is still being read: only who reads application/pdf can be given it`,
      },
      expect.objectContaining({ field: 'messages[0].content[1].media.file_id' }),
    ])
  })

  test('is not found when it is deleted meanwhile', async () => {
    const pdf = unread()
    const states: (StoredFile | undefined)[] = [pdf, undefined]
    await expect(filled(showing(pdf), { get: async () => states.shift() })).rejects.toMatchObject({
      reason: 'FILE_NOT_FOUND',
    })
  })

  test('ends with its call', async () => {
    const pdf = unread()
    const ending = new AbortController()
    const reason = new GatewayError('DEADLINE_EXCEEDED', 'the time is over')
    const get = async () => {
      queueMicrotask(() => ending.abort(reason))
      return pdf
    }
    await expect(filled(showing(pdf), { get }, { signal: ending.signal })).rejects.toBe(reason)
  })
})
