// The real gateway in front of two upstream doubles, and traffic of every kind for the page to show.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@connectrpc/connect'
import { createGrpcWebTransport } from '@connectrpc/connect-node'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { question } from '../../support/clients.ts'
import { type Service, startService } from '../../support/running-server.ts'
import { startKimi } from '../../support/upstream/kimi.ts'
import { startUpstream } from '../../support/upstream/openai.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { builtPage } from './built-page.ts'

const CONFIG = `models:
  - { provider: openai, id: test-model, input_price: 2, output_price: 8 }
  - { provider: openai, id: small-model, input_price: 1, output_price: 2 }
`

/** A running gateway with its upstreams. */
export interface RealGateway {
  readonly service: Service
  readonly openai: Upstream
  readonly kimi: Upstream
  /** Calls one after the other: answered, gone on with elsewhere, and failed ones. */
  traffic(rounds: number, token?: string): Promise<void>
  /** Ends the process and starts another one on the same port, with the same data. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** Starts them. */
export async function startReal(env: Readonly<Record<string, string>> = {}): Promise<RealGateway> {
  await builtPage()
  const openai = await startUpstream({ models: ['test-model', 'small-model'] })
  const kimi = await startKimi({ apiKeys: ['test-key'] })
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-page-'))
  const settings = {
    OPENAI_API_KEY: 'test-key',
    OPENAI_BASE_URL: openai.url,
    KIMI_API_KEY: 'test-key',
    KIMI_BASE_URL: kimi.url,
    DATA_DIR: dataDir,
    EXAI_CONFIG: 'exai.yaml',
    ...env,
  }
  const start = (port: number): Promise<Service> =>
    startService({ ...settings, PORT: String(port) }, { files: { 'exai.yaml': CONFIG } })
  let service = await start(0)
  return {
    get service() {
      return service
    },
    openai,
    kimi,
    traffic: (rounds, token) => traffic(service.url, rounds, token),
    async restart() {
      const { port } = service
      await service.stop()
      service = await start(port)
    },
    async close() {
      await service.stop()
      await Promise.all([openai.close(), kimi.close()])
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function traffic(url: string, rounds: number, token: string | undefined): Promise<void> {
  const chat = createClient(ChatService, createGrpcWebTransport({ baseUrl: url, httpVersion: '1.1' }))
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const say = async (model: string, text: string, fallbackModels: readonly string[] = []): Promise<void> => {
    const request = question(model, text, { routing: { fallbackModels: [...fallbackModels] } })
    try {
      for await (const _ of chat.streamComplete(request, { headers }));
    } catch {
      // It was meant to fail, and the page is to show it.
    }
  }
  for (let round = 0; round < rounds; round += 1) {
    await say('openai/test-model', `hello ${round}`)
    await say('openai/small-model', `a short one ${round}`)
    await say('openai/test-model', `[[fault:slow-body=20]]${'some words '.repeat(20)}`)
    if (round % 4 === 1)
      await say('openai/test-model', `[[fault@openai:status=503]]go on ${round}`, ['kimi/kimi-k3'])
    if (round % 6 === 2) await say('openai/small-model', `[[fault:status=503]]refused ${round}`)
    if (round % 6 === 4) await say('no-such-model', 'hello')
  }
}
