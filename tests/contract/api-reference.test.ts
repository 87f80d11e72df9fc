// The reference of the API: it has every part of the contract, with a sentence for each.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DescMessage } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService, file_exai_v1_chat_service } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { root } from '../support/tools.ts'

const page = readFileSync(join(root, 'docs/api.md'), 'utf8')
const lines = page.split('\n')

describe('the reference of the API', () => {
  it.each([ChatService, FilesService, EmbeddingsService, MonitoringService, AccessService])(
    'has every RPC of $name, with what it takes and gives, and a sentence',
    service => {
      for (const method of service.methods) {
        const at = lines.indexOf(`### ${service.name}.${method.name}`)
        expect(at, method.name).toBeGreaterThan(0)
        expect(lines[at + 2], method.name).toMatch(/^[A-Z].+/)
        const facts = lines.slice(at, at + 20).find(line => line.startsWith('takes '))
        expect(facts, method.name).toContain(`[${method.input.name}]`)
        expect(facts, method.name).toContain(`[${method.output.name}]`)
      }
    },
  )

  it('has every field of every message of the chat', () => {
    const walk = (message: DescMessage): readonly DescMessage[] => [
      message,
      ...message.nestedMessages.filter(inner => inner.proto.options?.mapEntry !== true).flatMap(walk),
    ]
    for (const message of file_exai_v1_chat_service.messages.flatMap(walk)) {
      const at = lines.indexOf(`### ${message.typeName.slice('exai.v1.'.length)}`)
      expect(at, message.typeName).toBeGreaterThan(0)
      const text =
        lines
          .slice(at + 1)
          .join('\n')
          .split('\n### ')[0] ?? ''
      for (const { name } of message.fields) expect(text, message.typeName).toContain(`| \`${name}\` |`)
    }
  })

  it('says something of each field and value', () => {
    const rows = lines.filter(line => line.startsWith('| `'))
    expect(rows.length).toBeGreaterThan(400)
    expect(rows.filter(row => row.endsWith('|  |'))).toEqual([])
  })

  it('links to what is there', () => {
    const anchors = new Set(
      lines
        .filter(line => line.startsWith('#'))
        .map(line => line.replace(/^#+ /, '').toLowerCase().replaceAll('.', '').replaceAll(' ', '-')),
    )
    const targets = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor)
    expect(targets.length).toBeGreaterThan(100)
    expect(targets.filter(anchor => !anchors.has(anchor ?? ''))).toEqual([])
  })
})
