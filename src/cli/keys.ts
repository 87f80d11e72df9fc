// `exai keys`: makes, lists, rotates and revokes API keys.
import { create, type DescMessage, type MessageShape, toJsonString } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import {
  CreateKeyResponseSchema,
  type ListKeysRequest,
  ListKeysResponseSchema,
  RevokeKeyResponseSchema,
  RotateKeyResponseSchema,
} from '#gen/exai/v1/access_service_pb'
import { type Key, KeySchema } from '#gen/exai/v1/key_pb'
import { GatewayError } from '../core/errors.ts'
import { COMMAND_EXIT, type Command, type CommandDeps } from './command.ts'
import { type KeyArgs, keyArgs } from './key-args.ts'
import { isRunning, type KeyService, remoteKeys } from './key-service.ts'
import { openStoredKeys } from './key-store.ts'
import { keyLines, keyTable } from './key-table.ts'

/** What `exai keys --help` says. */
export const KEYS_USAGE = `usage:
  exai keys create --label NAME --scope chat,files [--tenant T] [--ttl 30d | --expires 2027-01-31]
                   [--limit requests_per_minute=60] [--limit day_budget=5usd@openai/gpt-4o,deny]
                   [--allow-model M] [--deny-model M] [--allow-tool T] [--deny-tool T] [--max-prompt-tokens N]
  exai keys list [--tenant T] [--state active,expired,revoked]
  exai keys rotate ID
  exai keys revoke ID

With every one: --json; --key CREDENTIAL for the running service (default: EXAI_API_KEY); --store to work on the store in
DATA_DIR without asking a service. Without a running service the store is worked on. A secret is shown once.
`

/** Runs the command. */
export const keysCommand: Command = async (args, deps) => {
  const { print, complain } = deps
  if (args.includes('--help') || args.includes('-h')) {
    print(KEYS_USAGE)
    return COMMAND_EXIT.ok
  }
  let wish: KeyArgs
  try {
    wish = keyArgs(args)
  } catch (error) {
    complain(
      `exai: ${error instanceof Error ? error.message : 'wrong arguments'}; exai keys --help shows how`,
    )
    return COMMAND_EXIT.usage
  }
  try {
    await perform(wish, deps)
    return COMMAND_EXIT.ok
  } catch (error) {
    complain(`exai: ${problemOf(error)}`)
    return COMMAND_EXIT.failed
  }
}

async function perform(wish: KeyArgs, deps: CommandDeps): Promise<void> {
  const { config, complain } = deps
  if (!wish.isDirect && (await isRunning(config.listen)))
    return answer(remoteKeys(config.listen, wish.credential ?? config.apiKey), wish, deps)
  const { service, close } = await openStoredKeys(deps)
  try {
    await answer(service, wish, deps)
  } finally {
    await close()
  }
  if (config.supabase !== undefined && wish.task.type !== 'list')
    complain('exai: what has not reached Supabase yet is kept here, and follows when the service runs')
}

async function answer(
  service: KeyService,
  { task, json }: KeyArgs,
  { print, complain }: CommandDeps,
): Promise<void> {
  const show = <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>, people: string): void =>
    print(json ? `${toJsonString(schema, message)}\n` : people)
  const shown = (key: Key | undefined): Key => key ?? create(KeySchema)
  switch (task.type) {
    case 'create': {
      const made = await service.createKey(task.request)
      show(CreateKeyResponseSchema, made, keyLines(shown(made.key), made.secret))
      return complain('exai: the secret is shown only now')
    }
    case 'list': {
      const keys = await allOf(service, task.request)
      return show(ListKeysResponseSchema, create(ListKeysResponseSchema, { keys }), keyTable(keys))
    }
    case 'rotate': {
      const rotated = await service.rotateKey({ keyId: task.keyId })
      show(RotateKeyResponseSchema, rotated, keyLines(shown(rotated.key), rotated.secret))
      return complain('exai: the new secret is shown only now; the old one is refused from now on')
    }
    case 'revoke': {
      const revoked = await service.revokeKey({ keyId: task.keyId })
      return show(RevokeKeyResponseSchema, revoked, keyLines(shown(revoked.key)))
    }
    default:
      return task satisfies never
  }
}

/** All pages. */
async function allOf(service: KeyService, request: ListKeysRequest): Promise<Key[]> {
  const keys: Key[] = []
  let pageToken = ''
  do {
    const page = await service.listKeys({ ...request, pageToken })
    keys.push(...page.keys)
    pageToken = page.nextPageToken
  } while (pageToken !== '')
  return keys
}

function problemOf(error: unknown): string {
  if (!(error instanceof ConnectError)) return GatewayError.from(error).message
  if (error.code === Code.Unauthenticated)
    return 'the running service wants to know who asks: set EXAI_API_KEY to the secret of an admin key, or give --key'
  return error.rawMessage
}
