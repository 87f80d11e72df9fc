// The kinds of providers: one line each.
import type { ProviderConfig } from '../config/snapshot.ts'
import { withFileLimits } from './file-limits.ts'
import { createGlm } from './glm.ts'
import { createKimi } from './kimi.ts'
import { createMiniMax } from './minimax.ts'
import { createOpenAi } from './openai.ts'
import { createOpenAiCompatible } from './openai-compatible.ts'
import { createSandbox } from './sandbox.ts'
import type { ProviderFactory } from './settings.ts'

/** Every kind of provider, by the name that the configuration uses for it. */
export const providers = {
  openai: withFileLimits('openai', createOpenAi),
  glm: withFileLimits('glm', createGlm),
  kimi: withFileLimits('kimi', createKimi),
  minimax: withFileLimits('minimax', createMiniMax),
  'openai-compatible': withFileLimits('openai-compatible', createOpenAiCompatible),
  sandbox: createSandbox,
} as const satisfies Readonly<Record<ProviderConfig['kind'], ProviderFactory>>
