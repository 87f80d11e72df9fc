// Server reflection, asked as grpcurl asks it.
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt'
import { createClient } from '@connectrpc/connect'
import { createGrpcTransport } from '@connectrpc/connect-node'
import { describe, expect, test } from 'vitest'
import { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb'
import { ServerReflection as ServerReflectionAlpha } from '#gen/grpc/reflection/v1alpha/reflection_pb'
import { type Running, startServer } from './harness.ts'

const SERVICES = [
  'exai.v1.AccessService',
  'exai.v1.ChatService',
  'exai.v1.EmbeddingsService',
  'exai.v1.FilesService',
  'exai.v1.MonitoringService',
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
]

type Question = {
  case: 'listServices' | 'fileByFilename' | 'fileContainingSymbol' | 'allExtensionNumbersOfType'
  value: string
}

async function ask(server: Running, ...questions: Question[]) {
  const client = createClient(ServerReflection, createGrpcTransport({ baseUrl: server.url }))
  const answers = []
  async function* requests() {
    for (const messageRequest of questions) yield { host: 'h', messageRequest }
  }
  for await (const answer of client.serverReflectionInfo(requests())) answers.push(answer)
  return answers
}

// A file set must be in this order; the answers of reflection need not.
function dependenciesFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const placed = new Map<string, FileDescriptorProto>()
  for (let before = -1; placed.size > before; ) {
    before = placed.size
    for (const file of files) if (file.dependency.every(name => placed.has(name))) placed.set(file.name, file)
  }
  return [...placed.values()]
}

describe('reflection', () => {
  test.each([ServerReflection, ServerReflectionAlpha])('$typeName lists every service', async service => {
    await using server = await startServer()
    const client = createClient(service, createGrpcTransport({ baseUrl: server.url }))
    async function* requests() {
      yield { messageRequest: { case: 'listServices', value: '*' } } as const
    }
    for await (const { messageResponse } of client.serverReflectionInfo(requests())) {
      if (messageResponse.case !== 'listServicesResponse') throw new Error('no list')
      expect(messageResponse.value.service.map(({ name }) => name).sort()).toEqual(SERVICES)
    }
    expect((await server.onlyEnd()).end.code).toBe('OK')
  })

  test('a symbol brings its file with all that it needs, which makes a working registry', async () => {
    await using server = await startServer()
    const [answer] = await ask(server, { case: 'fileContainingSymbol', value: 'exai.v1.ChatService' })
    if (answer?.messageResponse.case !== 'fileDescriptorResponse') throw new Error('no file')
    const files = answer.messageResponse.value.fileDescriptorProto.map(bytes =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    )
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: dependenciesFirst(files) }))
    expect(registry.getService('exai.v1.ChatService')?.methods.map(({ name }) => name)).toContain(
      'StreamComplete',
    )
    expect(answer).toMatchObject({ validHost: 'h', originalRequest: { host: 'h' } })
  })

  test.each([
    ['exai.v1.ChatService.Complete', 'exai/v1/chat_service.proto'],
    ['.exai.v1.Message.content', 'exai/v1/chat.proto'],
    ['exai.v1.ToolChoice.Mode', 'exai/v1/chat.proto'],
    ['exai.v1.ROLE_USER', 'exai/v1/chat.proto'],
    ['exai.v1.ErrorInfo', 'exai/v1/error.proto'],
    ['google.protobuf.Duration', 'google/protobuf/duration.proto'],
  ])('%s is in %s', async (symbol, name) => {
    await using server = await startServer()
    const answers = await ask(
      server,
      { case: 'fileContainingSymbol', value: symbol },
      { case: 'fileByFilename', value: name },
    )
    const names = answers.map(({ messageResponse }) => {
      const bytes =
        messageResponse.case === 'fileDescriptorResponse' && messageResponse.value.fileDescriptorProto[0]
      return bytes instanceof Uint8Array
        ? fromBinary(FileDescriptorProtoSchema, bytes).name
        : messageResponse.case
    })
    expect(names).toEqual([name, name])
  })

  test('what is not there is NOT_FOUND, and the stream goes on', async () => {
    await using server = await startServer()
    const answers = await ask(
      server,
      { case: 'fileByFilename', value: 'nobody.proto' },
      { case: 'fileContainingSymbol', value: 'exai.v1.Nobody' },
      { case: 'allExtensionNumbersOfType', value: 'exai.v1.Message' },
    )
    expect(answers.map(({ messageResponse }) => messageResponse)).toEqual(
      [5, 5, 5].map(errorCode => expect.objectContaining({ value: expect.objectContaining({ errorCode }) })),
    )
  })
})
