// The administration of keys without a running service: on the store in DATA_DIR itself.
import { create, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf'
import {
  CreateKeyRequestSchema,
  CreateKeyResponseSchema,
  ListKeysRequestSchema,
  ListKeysResponseSchema,
  RevokeKeyRequestSchema,
  RevokeKeyResponseSchema,
  RotateKeyRequestSchema,
  RotateKeyResponseSchema,
} from '#gen/exai/v1/access_service_pb'
import { createKeyAdministration } from '../access/administration.ts'
import { createKeyNews } from '../access/key-news.ts'
import { loadPepper } from '../access/pepper.ts'
import { DEFAULT_CALLER } from '../core/caller.ts'
import type { Log } from '../core/log.ts'
import { openDataDir } from '../data-dir.ts'
import { openSharing } from '../sharing.ts'
import type { CommandDeps } from './command.ts'
import type { KeyService } from './key-service.ts'

/** Keys on the store; to be closed. Throws what opening the store throws. */
export interface StoredKeys {
  readonly service: KeyService
  close(): Promise<void>
}

const CALL = { id: 'cli', caller: { ...DEFAULT_CALLER, subject: 'cli' } }

/** Opens the store. Other replicas are told through Redis when there is one. */
export async function openStoredKeys({
  config,
  clock,
  complain,
}: Pick<CommandDeps, 'config' | 'clock' | 'complain'>): Promise<StoredKeys> {
  const { dataDir, keyPepper, supabase, redisUrl } = config
  const quiet = (): void => undefined
  const loud = (message: string): void => complain(`exai: ${message}`)
  const log: Log = { debug: quiet, info: quiet, warn: loud, error: loud }
  await using stack = new AsyncDisposableStack()
  const keeping = await openDataDir({ config, clock, log })
  stack.defer(keeping.close)
  const sharing = await openSharing({ redisUrl, clock, log })
  stack.defer(sharing.close)
  const keys = createKeyAdministration({
    keys: keeping.keys,
    pepper: () => loadPepper({ configured: keyPepper, dataDir, isShared: supabase !== undefined }),
    news: createKeyNews({ shared: sharing.shared, isHeard: () => sharing.isUp() === true, log }),
    forget: quiet,
    clock,
    log,
  })
  const opened = stack.move()
  return {
    service: {
      createKey: async request =>
        answer(CreateKeyResponseSchema, await keys.create(CALL, create(CreateKeyRequestSchema, request))),
      listKeys: async request =>
        answer(ListKeysResponseSchema, await keys.list(create(ListKeysRequestSchema, request))),
      rotateKey: async request =>
        answer(RotateKeyResponseSchema, await keys.rotate(CALL, create(RotateKeyRequestSchema, request))),
      revokeKey: async request =>
        answer(RevokeKeyResponseSchema, await keys.revoke(CALL, create(RevokeKeyRequestSchema, request))),
    },
    close: () => opened.disposeAsync(),
  }
}

function answer<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): MessageShape<Desc> {
  return create(schema, init)
}
