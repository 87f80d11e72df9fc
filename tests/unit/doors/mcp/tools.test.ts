// The tools as they are listed and documented, and those that are about files and about the service itself.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/client/validators/ajv'
import { describe, expect, it } from 'vitest'
import { ListModelsResponseSchema } from '#gen/exai/v1/chat_service_pb'
import { type CreateFileRequestSchema, CreateFileResponseSchema } from '#gen/exai/v1/files_service_pb'
import {
  GetStatusResponseSchema,
  type GetUsageRequestSchema,
  GetUsageResponseSchema,
} from '#gen/exai/v1/monitoring_service_pb'
import { HealthState } from '#gen/exai/v1/status_pb'
import { UsageDimension } from '#gen/exai/v1/usage_report_pb'
import type { Backend } from '../../../../src/doors/mcp/backend.ts'
import type { ToolResult } from '../../../../src/doors/mcp/tool.ts'
import { TOOLS } from '../../../../src/doors/mcp/tools.ts'
import { root } from '../../../support/tools.ts'
import { contextOf } from './rig.ts'

async function call(name: string, args: object, given: Partial<Backend> = {}): Promise<ToolResult> {
  const tool = TOOLS.find(one => one.name === name)
  if (tool === undefined) throw new Error(`there is no tool ${name}`)
  return await tool.call(args, contextOf(given).context)
}
const textOf = ({ content: [first] }: ToolResult): string => (first?.type === 'text' ? first.text : '')
const errorOf = ({ structuredContent }: ToolResult): unknown => structuredContent['error']

describe('the list of tools', () => {
  it('says of each what it takes and gives, in schemas without a dialect', () => {
    for (const tool of TOOLS) {
      const { inputSchema, outputSchema, description } = tool.listing()
      expect(description).toMatch(/\.$/)
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
      expect(outputSchema).toMatchObject({ type: 'object', properties: { error: { type: 'object' } } })
      expect(inputSchema['$schema'] ?? outputSchema['$schema']).toBeUndefined()
    }
  })

  it('has schemas that an answer fits, and a failure, and nothing between them', () => {
    const { outputSchema } = TOOLS.find(({ name }) => name === 'status')?.listing() ?? {}
    const check = new AjvJsonSchemaValidator().getValidator({ ...outputSchema })
    const fits = (value: unknown): boolean => check(value).valid
    const error = { reason: 'INTERNAL', code: 'INTERNAL', message: 'internal error', origin: 'gateway' }
    expect([fits({ status: {} }), fits({ error }), fits({})]).toEqual([true, true, false])
  })

  it('stands in docs/mcp.md with every argument', () => {
    const page = readFileSync(join(root, 'docs/mcp.md'), 'utf8')
    const rows = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
    expect(rows).toEqual(TOOLS.map(({ name }) => name))
    for (const tool of TOOLS)
      for (const argument of Object.keys(Object(tool.listing().inputSchema['properties'])))
        expect(page, `${tool.name} takes ${argument}`).toContain(`\`${argument}\``)
  })

  it('stands beside settings of hosts that are JSON', () => {
    const page = readFileSync(join(root, 'docs/mcp.md'), 'utf8')
    const snippets = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = '']) => JSON.parse(text))
    expect(snippets).toHaveLength(3)
    for (const { servers, mcpServers } of snippets) expect(servers ?? mcpServers).toHaveProperty('exai')
  })
})

describe('upload_file', () => {
  type Sent = MessageInitShape<typeof CreateFileRequestSchema>
  const storing = (sent: Sent[] = []): Partial<Backend> => ({
    async createFile(request) {
      sent.push(request)
      const { filename = '', content = new Uint8Array() } = request
      const sizeBytes = BigInt(content.byteLength)
      return create(CreateFileResponseSchema, {
        file: { id: 'file_1', filename, mimeType: 'text/plain', sizeBytes },
      })
    },
  })

  it('stores text and base64, and links to the file', async () => {
    const sent: Sent[] = []
    const text = await call(
      'upload_file',
      { filename: 'a.txt', text: 'grün', ttl_seconds: 60 },
      storing(sent),
    )
    expect(text.content).toEqual([
      { type: 'text', text: 'file_1: a.txt, text/plain, 5 bytes' },
      { type: 'resource_link', uri: 'exai://files/file_1', name: 'a.txt', mimeType: 'text/plain' },
    ])
    await call('upload_file', { filename: 'b', content_base64: 'AAH/', mime_type: 'a/b' }, storing(sent))
    expect(sent).toEqual([
      {
        filename: 'a.txt',
        mimeType: '',
        content: Buffer.from('grün'),
        expiration: { case: 'ttl', value: { seconds: 60n, nanos: 0 } },
      },
      { filename: 'b', mimeType: 'a/b', content: Buffer.of(0, 1, 255) },
    ])
  })

  it('takes 4 MiB and not a byte more', async () => {
    const file = (size: number) => ({ filename: 'a', text: 'x'.repeat(size) })
    expect((await call('upload_file', file(4 * 1024 * 1024), storing())).isError).toBeUndefined()
    const refused = await call('upload_file', file(4 * 1024 * 1024 + 1), storing())
    expect(errorOf(refused)).toMatchObject({ reason: 'OVERLOADED', origin: 'client' })
    expect(textOf(refused)).toContain('FilesService.UploadFile')
  })

  it.each([
    [{ filename: 'a' }],
    [{ filename: 'a', text: 'x', content_base64: 'eA==' }],
    [{ filename: 'a', content_base64: 'not base64!' }],
    [{ filename: '', text: 'x' }],
  ])('refuses %j', async args => {
    expect(errorOf(await call('upload_file', args))).toMatchObject({ reason: 'INVALID_REQUEST' })
  })
})

describe('ask_file', () => {
  it.each([
    [{ question: 'x' }, 'give either file_id'],
    [{ question: 'x', file_id: 'file_1', text: 'y' }, 'give either file_id'],
    [{ question: 'x', text: 'y' }, 'filename is missing'],
  ])('refuses %j', async (args, words) => {
    const refused = await call('ask_file', args)
    expect(errorOf(refused)).toMatchObject({ reason: 'INVALID_REQUEST' })
    expect(textOf(refused)).toContain(words)
  })
})

describe('list_models', () => {
  const models: Partial<Backend> = {
    listModels: async () =>
      create(ListModelsResponseSchema, {
        models: [
          { id: 'm', provider: 'glm', contextWindowTokens: 1000, inputModalities: ['text'], tools: true },
          { id: 'n', provider: 'kimi', unroutableReason: 'kimi has no key' },
        ],
      }),
  }

  it('names those that can be asked, and the others when they are wanted', async () => {
    expect(textOf(await call('list_models', {}, models))).toBe(
      'glm/m · context 1000 tokens · reads text · calls tools · price unknown',
    )
    const all = await call('list_models', { include_unroutable: true }, models)
    expect(textOf(all).split('\n')[1]).toBe('kimi/n · price unknown · cannot be asked now: kimi has no key')
  })
})

describe('usage and status', () => {
  it('asks for what is to be told apart and tells each sum', async () => {
    const asked: MessageInitShape<typeof GetUsageRequestSchema>[] = []
    const answer = await call(
      'usage',
      { group_by: ['day', 'provider'], start_time: '2026-11-01T00:00:00Z' },
      {
        async getUsage(request) {
          asked.push(request)
          return create(GetUsageResponseSchema, {
            rows: [{ day: '2026-11-02', provider: 'glm', requestCount: 2n, errorCount: 1n, costNanoUsd: 5n }],
            total: { requestCount: 2n, inputTokens: 7n, unknownCostCount: 1n },
            nextPageToken: 'more',
          })
        },
      },
    )
    expect(asked).toMatchObject([
      { groupBy: [UsageDimension.DAY, UsageDimension.PROVIDER], startTime: { seconds: 1_793_491_200n } },
    ])
    expect(textOf(answer)).toBe(
      '2026-11-02 glm: 2 calls, 1 failed, 0 tokens in, 0 out, $0.000000005\n' +
        'total: 2 calls, 7 tokens in, 0 out, $0.00, 1 of unknown cost',
    )
    expect(answer.structuredContent).toMatchObject({
      rows: [{ day: '2026-11-02', request_count: '2', cost_nano_usd: '5' }],
      next_page_token: 'more',
    })
  })

  it('tells how the service and its parts are', async () => {
    const answer = await call(
      'status',
      {},
      {
        getStatus: async () =>
          create(GetStatusResponseSchema, {
            status: {
              state: HealthState.DEGRADED,
              version: '9.9.9',
              uptime: { seconds: 61n, nanos: 5 },
              providers: [{ provider: 'glm', state: HealthState.UNHEALTHY, detail: 'glm has no key' }],
              draining: true,
            },
          }),
      },
    )
    expect(textOf(answer)).toBe(
      'degraded, version 9.9.9, up for 61 s, shutting down\nprovider glm: unhealthy, glm has no key',
    )
    expect(answer.structuredContent).toMatchObject({ status: { state: 'HEALTH_STATE_DEGRADED' } })
  })
})
