// A gateway that says what a test told it to: the real page door and the real wire, with made-up answers strictly by the contract.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { Code, type ConnectRouter, type HandlerContext } from '@connectrpc/connect'
import { connectNodeAdapter } from '@connectrpc/connect-node'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { ErrorReason } from '#gen/exai/v1/error_reason_pb'
import { type EventSchema, RequestRecord_Outcome as Outcome, type RequestRecord } from '#gen/exai/v1/event_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import {
  Circuit_State,
  HealthState,
  ProviderKeyStatus_State,
  type StatusSchema,
} from '#gen/exai/v1/status_pb'
import { createPage } from '../../../src/doors/page/page.ts'
import { root } from '../../support/tools.ts'
import { callOf, timeOf } from './scripted-calls.ts'
import { createWatchers, errorOf } from './scripted-watchers.ts'

type StatusInit = Extract<MessageInitShape<typeof StatusSchema>, { readonly $typeName?: never }>
type EventInit = MessageInitShape<typeof EventSchema>
type Scope = 'monitoring' | 'chat' | 'files' | 'admin'

/** What the gateway is to be like. */
export interface Script {
  /** What each credential allows. Absent: nobody is asked. */
  readonly tokens?: Readonly<Record<string, readonly Scope[]>>
  /** The calls that it lists, newest first. */
  readonly calls?: readonly RequestRecord[]
  readonly port?: number
}

/** A scripted gateway that listens. */
export interface ScriptedGateway {
  readonly url: string
  readonly port: number
  /** Changes its state, and tells whoever watches. */
  setStatus(change: Partial<StatusInit>): void
  /** Tells whoever watches of events. */
  tell(...events: readonly EventInit[]): void
  /** Ends every watch the way a gateway does that goes away, then listens no more. */
  shutDown(): Promise<void>
  close(): Promise<void>
}

/** Starts one on 127.0.0.1. */
export async function startScripted(script: Script = {}): Promise<ScriptedGateway> {
  const watchers = createWatchers()
  const sinceMs = Date.now()
  let status: StatusInit = statusOf(sinceMs)
  const page = createPage(join(root, 'web/dist'))
  const current = (): StatusInit => ({
    ...status,
    updateTime: timeOf(Date.now()),
    uptime: timeOf(Date.now() - sinceMs),
  })
  const needs = (scope: Scope) => (context: HandlerContext) => authorize(script, scope, context)
  const serve = connectNodeAdapter({
    routes: router => {
      addMonitoring(router, { script, watchers, current, needs })
      addChat(router, needs)
    },
  })
  const server = createServer((req, res) => {
    if (!page.serve(req, res)) serve(req, res)
  })
  server.listen(script.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  // Listening on TCP: never a path.
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    watchers.end()
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    setStatus: change => {
      status = { ...status, ...change }
      watchers.tellStatus()
    },
    tell: (...events) => watchers.tellEvents(events),
    async shutDown() {
      watchers.shutDown()
      await new Promise(resolve => setTimeout(resolve, 50))
      await close()
    },
    close,
  }
}

function authorize({ tokens }: Script, scope: Scope, { requestHeader }: HandlerContext): void {
  if (tokens === undefined) return
  const scopes = tokens[(requestHeader.get('authorization') ?? '').replace(/^Bearer /, '')]
  if (scopes === undefined)
    throw errorOf(Code.Unauthenticated, ErrorReason.UNAUTHENTICATED, 'no valid credential was sent')
  if (!scopes.includes(scope) && !scopes.includes('admin'))
    throw errorOf(Code.PermissionDenied, ErrorReason.PERMISSION_DENIED, `this needs the scope ${scope}`)
}

interface Parts {
  readonly script: Script
  readonly watchers: ReturnType<typeof createWatchers>
  readonly current: () => StatusInit
  readonly needs: (scope: Scope) => (context: HandlerContext) => void
}

function addMonitoring(router: ConnectRouter, { script, watchers, current, needs }: Parts): void {
  const [monitoring, admin] = [needs('monitoring'), needs('admin')]
  const calls = script.calls ?? []
  router.service(MonitoringService, {
    getStatus: (_, context) => {
      monitoring(context)
      return { status: current() }
    },
    async *watchStatus(_, context) {
      monitoring(context)
      for await (const status of watchers.statuses(context.signal, current)) yield { status }
    },
    async *watchEvents(_, context) {
      monitoring(context)
      for await (const event of watchers.events(context.signal)) yield { event }
    },
    listRequests: ({ pageSize, pageToken, outcomes, requestId, startTime }, context) => {
      monitoring(context)
      const fromMs = startTime === undefined ? 0 : Number(startTime.seconds) * 1000
      const matching = calls.filter(
        call =>
          (outcomes.length === 0 || outcomes.includes(call.outcome)) &&
          (requestId === '' || call.requestId === requestId) &&
          Number(call.startTime?.seconds ?? 0n) * 1000 >= fromMs,
      )
      const from = Number(pageToken || '0')
      const to = from + Math.min(pageSize || 50, 500)
      return { requests: matching.slice(from, to), nextPageToken: to < matching.length ? String(to) : '' }
    },
    getUsage: (_, context) => {
      monitoring(context)
      return { rows: [], total: {} }
    },
    setCircuit: ({ provider, model, reason }, context) => {
      admin(context)
      return { circuits: [{ provider, model, state: Circuit_State.OPEN, reason, held: true }] }
    },
  })
  router.service(AccessService, {
    listKeys: (_, context) => {
      admin(context)
      return { keys: [] }
    },
  })
}

function addChat(router: ConnectRouter, needs: Parts['needs']): void {
  const [chat, files] = [needs('chat'), needs('files')]
  router.service(ChatService, {
    listModels: (_, context) => {
      chat(context)
      return { models: [{ id: 'gpt-5.2', provider: 'openai' }] }
    },
  })
  router.service(FilesService, {
    listFiles: (_, context) => {
      files(context)
      return { files: [] }
    },
  })
}

/** A gateway that is well, with three providers. */
function statusOf(sinceMs: number): StatusInit {
  const changeTime = timeOf(sinceMs)
  const healthy = { state: HealthState.HEALTHY, changeTime }
  const keyOf = (label: string) => ({ label, state: ProviderKeyStatus_State.READY })
  return {
    ...{ state: HealthState.HEALTHY, configVersion: 3, version: '2.4.0', instance: 'gateway-1' },
    components: [{ name: 'store', ...healthy }],
    providers: ['openai', 'glm', 'kimi'].map(provider => ({
      provider,
      ...healthy,
      keys: [keyOf(`${provider}#1`)],
    })),
    circuits: [
      {
        provider: 'openai',
        model: 'gpt-5.2',
        state: Circuit_State.CLOSED,
        callCount: 20,
        failureRatio: 0.05,
        changeTime,
      },
      { provider: 'glm', model: 'glm-5', state: Circuit_State.CLOSED, callCount: 12, changeTime },
    ],
    stores: [{ name: 'sqlite', ...healthy, freeBytes: 81_000_000_000n }],
    backlog: {},
  }
}

/** Calls of the last minutes, newest first: one in `every` failed, one in seven went to a second provider. */
export function callsUntil(
  nowMs: number,
  howMany: number,
  everyMs: number,
  every = 23,
): readonly RequestRecord[] {
  return Array.from({ length: howMany }, (_, at) => {
    const index = howMany - at
    const startMs = nowMs - 2_000 - at * everyMs
    if (index % every === 0)
      return callOf(index, startMs, { outcome: Outcome.FAILED, error: ErrorReason.UPSTREAM_UNAVAILABLE })
    return callOf(index, startMs, { isFallback: index % 7 === 0 })
  })
}
