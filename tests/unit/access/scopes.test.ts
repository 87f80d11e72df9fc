// The table of scopes: it has a row for every RPC and every page, and each row says what the contract says.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DescService } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { AccessService } from '#gen/exai/v1/access_service_pb'
import { ChatService } from '#gen/exai/v1/chat_service_pb'
import { EmbeddingsService } from '#gen/exai/v1/embeddings_service_pb'
import { FilesService } from '#gen/exai/v1/files_service_pb'
import { MonitoringService } from '#gen/exai/v1/monitoring_service_pb'
import { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb'
import { ServerReflection as ServerReflectionAlpha } from '#gen/grpc/reflection/v1alpha/reflection_pb'
import { Health } from '#gen/health/v1/health_pb'
import { authorize, METHOD_NEEDS, needOf, PAGE_NEEDS } from '../../../src/access/scopes.ts'
import { SCOPES, type Scope } from '../../../src/core/caller.ts'
import { PAGES } from '../../../src/server/routes.ts'
import { projectFiles } from '../../support/tidy.ts'
import { root } from '../../support/tools.ts'

const services: readonly DescService[] = [
  ChatService,
  FilesService,
  MonitoringService,
  AccessService,
  EmbeddingsService,
  Health,
  ServerReflection,
  ServerReflectionAlpha,
]
const methods = services.flatMap(({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`))
const callerWith = (...scopes: Scope[]) => ({ tenant: 'acme', subject: 'ada', scopes })

describe('the table', () => {
  test('has a row for every RPC, and none for anything else', () => {
    expect(Object.keys(METHOD_NEEDS).sort()).toEqual([...methods].sort())
  })

  test('knows every service that there is in the generated code', () => {
    const generated = projectFiles(root)
      .filter(({ path }) => path.startsWith('gen/ts/') && path.endsWith('_pb.ts'))
      .flatMap(({ text }) => [...text.matchAll(/^export const (\w+): GenService</gm)].map(match => match[1]))
    expect(generated.length).toBeGreaterThan(0)
    expect(generated.sort()).toEqual(services.map(({ name }) => name).sort())
  })

  test('has a row for every page, and none for anything else', () => {
    expect(Object.keys(PAGE_NEEDS).sort()).toEqual([...PAGES].sort())
  })

  test('says what the comments of the contract promise', () => {
    const promised = services
      .filter(({ file }) => file.proto.package === 'exai.v1')
      .flatMap(({ file, name, typeName }) => {
        const text = readFileSync(join(root, 'proto', `${file.name}.proto`), 'utf8')
        const body = text.slice(
          text.indexOf(`service ${name}`),
          text.indexOf('\n}\n', text.indexOf(`service ${name}`)),
        )
        return [...body.matchAll(/((?:^ *\/\/.*\n)+) *rpc (\w+)/gm)].flatMap(
          ([, comment = '', method = '']) => {
            const scope = /Scope: (\w+)/.exec(comment)?.[1]
            return scope === undefined ? [] : [[`${typeName}/${method}`, scope] as const]
          },
        )
      })
    expect(promised.length).toBeGreaterThan(10)
    for (const [method, scope] of promised) expect([method, needOf(method)]).toEqual([method, scope])
  })
})

describe('a method', () => {
  test('is for its scope, and for admins', () => {
    for (const method of methods) {
      const need = needOf(method)
      const may = SCOPES.filter(scope => {
        try {
          authorize(callerWith(scope), method)
          return true
        } catch {
          return false
        }
      })
      const wanted =
        need === 'open' || need === 'any' ? SCOPES : SCOPES.filter(one => one === need || one === 'admin')
      expect([method, may]).toEqual([method, wanted])
    }
  })

  test('without a row is for admins, and one that does not exist for whoever shows a credential', () => {
    for (const name of ['exai.v1.ChatService/New', 'constructor', '__proto__', 'toString', ''])
      expect(needOf(name)).toBe('admin')
    expect(needOf('unknown')).toBe('any')
  })

  test('is refused in words that name it and the scope', () => {
    expect(() => authorize(callerWith('files'), 'exai.v1.ChatService/Complete')).toThrow(
      expect.objectContaining({
        reason: 'PERMISSION_DENIED',
        message: 'exai.v1.ChatService/Complete needs the scope chat',
      }),
    )
  })
})
