// The service and the double of a provider that every door is asked in front of.
import { afterAll, afterEach, beforeAll } from 'vitest'
import { manyKeys } from '../many-keys.ts'
import { resetCircuits } from '../reset-circuits.ts'
import { type Service, startService } from '../running-server.ts'
import { startUpstream } from '../upstream/openai.ts'
import { defaultModels } from '../upstream/openai-models.ts'
import type { Upstream } from '../upstream/server.ts'

/** The model that is asked. */
export const MODEL = 'openai/test-model'

/** One that thinks, and shows it where tools are at hand. */
export const THINKER = 'openai/gpt-6-sol'

/** One whose price nobody knows. */
export const UNPRICED = 'openai/unpriced'

// 2 and 8 dollars for a million tokens.
const CONFIG = `models:
  - { provider: openai, id: test-model, input_price: 2, output_price: 8 }
`

/** What tests of the doors meet; it is there while they run. */
export type Stage = { readonly upstream: () => Upstream; readonly service: () => Service }

/** Starts both before the tests of a file, closes circuits after each, and ends both. */
export function useStage(env: Readonly<Record<string, string>> = {}): Stage {
  let upstream: Upstream | undefined
  let service: Service | undefined
  beforeAll(async () => {
    upstream = await startUpstream({ apiKeys: manyKeys(), models: [...defaultModels, 'unpriced'] })
    service = await startBehind(upstream, env)
  })
  afterEach(() => (env['EXAI_AUTH'] === undefined ? resetCircuits(there(service).url) : undefined))
  afterAll(async () => {
    await service?.stop()
    await upstream?.close()
  })
  return { upstream: () => there(upstream), service: () => there(service) }
}

/** Starts a further service in front of a double. The caller stops it. */
export function startBehind(
  upstream: Upstream,
  env: Readonly<Record<string, string>> = {},
): Promise<Service> {
  const settings = {
    OPENAI_API_KEY: manyKeys().join(),
    OPENAI_BASE_URL: upstream.url,
    EXAI_CONFIG: 'exai.yaml',
  }
  return startService({ ...settings, ...env }, { files: { 'exai.yaml': CONFIG } })
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not running')
  return value
}
