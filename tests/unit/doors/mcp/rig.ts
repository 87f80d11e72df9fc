// RPCs that a test answers by hand, and a context in which tools run.

import { GatewayError } from '../../../../src/core/errors.ts'
import type { Backend } from '../../../../src/doors/mcp/backend.ts'
import type { ToolContext } from '../../../../src/doors/mcp/tool.ts'

/** What a context was told. */
export type Heard = {
  readonly context: ToolContext
  readonly progress: { readonly count: number; readonly message: string }[]
  readonly refused: GatewayError[]
  readonly cancel: () => void
}

const unexpected = (name: string) => () => {
  throw new Error(`nobody expected ${name}`)
}

/** RPCs of which only those given may be called. */
export function backendOf(given: Partial<Backend>): Backend {
  return {
    streamComplete: unexpected('streamComplete'),
    explainRoute: unexpected('explainRoute'),
    listModels: unexpected('listModels'),
    listConversations: unexpected('listConversations'),
    getConversation: unexpected('getConversation'),
    createFile: unexpected('createFile'),
    getFile: unexpected('getFile'),
    listFiles: unexpected('listFiles'),
    downloadFile: unexpected('downloadFile'),
    getUsage: unexpected('getUsage'),
    getStatus: unexpected('getStatus'),
    ...given,
  }
}

/** A context with these RPCs. */
export function contextOf(given: Partial<Backend>): Heard {
  const leaving = new AbortController()
  const progress: Heard['progress'] = []
  const refused: GatewayError[] = []
  const context: ToolContext = {
    backend: backendOf(given),
    signal: leaving.signal,
    progress: (count, message) => void progress.push({ count, message }),
    refused: error => void refused.push(error),
  }
  return { context, progress, refused, cancel: () => leaving.abort() }
}

/** A refusal as the service makes it. */
export const denied = (what: string): GatewayError =>
  new GatewayError('PERMISSION_DENIED', `${what} needs another scope`)
