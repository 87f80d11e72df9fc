// The stored files of chats at a provider with keys: given with the key that an attempt has, and deleted with any of their account.
import type { HttpKind } from '../config/snapshot.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import type { Deltas } from '../core/delta.ts'
import { GatewayError } from '../core/errors.ts'
import type { AttemptInput, Provider } from '../core/provider.ts'
import { type Access, accountOf } from './access.ts'
import type { FileApi } from './file-api.ts'
import { askWithFiles } from './file-asks.ts'
import { remoteOf } from './file-copies.ts'
import { makesText } from './file-forms.ts'
import { createFileGiver, type FilesInput } from './file-giver.ts'
import type { FormEndpoint, GivenInput } from './given.ts'
import type { KeySettings } from './keys.ts'
import type { Dialect } from './openai-dialect/dialect.ts'

/** How a kind of provider takes files. */
export interface FileWays {
  readonly kind: HttpKind
  readonly dialect: Dialect
  /** Which endpoint a chat goes to. Default: chat completions. */
  readonly endpointOf?: ((input: AttemptInput) => FormEndpoint) | undefined
  /** The files of one key. Absent: nothing is uploaded. */
  readonly api?: ((access: Access) => FileApi) | undefined
}

/** What a provider with keys has of files. */
export interface KeyedFilesDeps {
  /** Id of the provider. */
  readonly provider: string
  readonly keys: readonly KeySettings[]
  /** Of the keys that have none of their own. */
  readonly baseUrl: string
  readonly ways: FileWays
  readonly accessOf: (key: KeySettings | undefined) => Access
  readonly clock?: Clock | undefined
}

/** What is done with files. */
export interface KeyedFiles extends Required<Pick<Provider, 'readsDocuments'>>, Pick<Provider, 'removeCopy'> {
  /** Asks with a key about a chat that names files. */
  ask(
    input: FilesInput,
    key: KeySettings | undefined,
    ask: (input: GivenInput, access: Access) => Deltas,
  ): Deltas
  /** The accounts that have copies of the files already; undefined where there is nothing to choose. */
  preferred(input: FilesInput): (() => Promise<readonly string[]>) | undefined
  /** The chat with its files as text, to count it. Throws GatewayError when one of them is none. */
  asText<Input extends FilesInput>(input: Input): Promise<Input>
}

/** Makes that. */
export function createKeyedFiles(deps: KeyedFilesDeps): KeyedFiles {
  const { provider, keys, baseUrl, ways, accessOf, clock = systemClock } = deps
  const { api, kind, dialect, endpointOf } = ways
  const giver = createFileGiver({ provider, kind, dialect, endpointOf, uploads: api !== undefined, clock })
  const nameOf = (key: KeySettings | undefined): string => accountOf(provider, baseUrl, key)
  const hasChoice = api !== undefined && new Set(keys.map(nameOf)).size > 1

  return {
    ask(input, key, ask) {
      const access = accessOf(key)
      const way = { account: nameOf(key), api: api?.(access) }
      return askWithFiles(giver, input, way, given => ask(given, access))
    },
    preferred(input) {
      if (!hasChoice) return undefined
      return async () => {
        try {
          return await giver.owners(input)
        } catch {
          // It is a preference: any key will do.
          return []
        }
      }
    },
    async asText(input) {
      const silent = { ...input, warn: () => {} }
      const { messages } = await giver.give(silent, { account: '', onlyText: true }, input.signal)
      return { ...input, messages }
    },
    readsDocuments: mimeType => api !== undefined && makesText(kind, mimeType),
    ...(api && {
      async removeCopy({ account, remoteId }, signal) {
        const remote = remoteOf(remoteId)
        let fault = new GatewayError('KEY_NOT_FOUND', `${provider} has no key of the account ${account}`, {
          provider,
          against: 'nobody',
        })
        for (const key of keys.filter(one => nameOf(one) === account)) {
          try {
            await api(accessOf(key)).delete(remote, signal)
            return
          } catch (error) {
            fault = GatewayError.from(error)
            // Another key of the account may still be taken.
            if (signal.aborted || fault.reason !== 'UPSTREAM_CREDENTIALS') throw fault
          }
        }
        throw fault
      },
    }),
  }
}
