// Every method of the contract has an answer.
import { describe, expect, test } from 'vitest'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { startServer } from './harness.ts'
import { envelope, grpc, raw } from './raw.ts'

// What an empty request gets from each method, as gRPC's status.
const there: Readonly<Record<string, string>> = {
  Complete: '0',
  StreamComplete: '0',
  ResumeStream: '0',
  CancelStream: '0',
  CountTokens: '0',
  ExplainRoute: '0',
  ListModels: '0',
  ListConversations: '0',
  GetConversation: '0',
  DeleteConversation: '0',
  SetCircuit: '3',
  UploadFile: '0',
  CreateFile: '0',
  GetFile: '0',
  ListFiles: '0',
  DownloadFile: '0',
  DeleteFile: '0',
  GetUsage: '0',
  GetStatus: '0',
  WatchStatus: '0',
  WatchEvents: '0',
  ListRequests: '0',
  CreateKey: '0',
  ListKeys: '0',
  RotateKey: '0',
  RevokeKey: '0',
  Embed: '0',
}

describe.each([ChatService, FilesService, MonitoringService, AccessService, EmbeddingsService])(
  '$typeName',
  service => {
    test.each(service.methods)('$name answers', async method => {
      await using server = await startServer()
      const path = `/${service.typeName}/${method.name}`
      const { headers, trailers } = await raw(server, path, grpc, envelope(Buffer.alloc(0)))
      const status = { ...headers, ...trailers }
      expect(status['grpc-status']).toBe(there[method.name])
      const { end } = await server.onlyEnd()
      expect(end.method).toBe(`${service.typeName}/${method.name}`)
    })
  },
)

test('an answer may be larger than a request', async () => {
  const text = 'x'.repeat(5_000_000)
  await using server = await startServer({ chat: { complete: () => Promise.resolve({ id: text }) } })
  const { trailers, body } = await raw(
    server,
    '/exai.v1.ChatService/Complete',
    grpc,
    envelope(Buffer.alloc(0)),
  )
  expect(trailers['grpc-status']).toBe('0')
  expect(body.byteLength).toBeGreaterThan(text.length)
})
