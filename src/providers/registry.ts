// The kinds of providers: one line each.
import type { ProviderConfig } from '../config/snapshot.ts'
import { createGlm } from './glm.ts'
import { createKimi } from './kimi.ts'
import { createMiniMax } from './minimax.ts'
import { createOpenAi } from './openai.ts'
import { createOpenAiCompatible } from './openai-compatible.ts'
import { createSandbox } from './sandbox.ts'
import type { ProviderFactory } from './settings.ts'

/** Every kind of provider, by the name that the configuration uses for it. */
export const providers = {
  openai: createOpenAi,
  glm: createGlm,
  kimi: createKimi,
  minimax: createMiniMax,
  'openai-compatible': createOpenAiCompatible,
  sandbox: createSandbox,
} as const satisfies Readonly<Record<ProviderConfig['kind'], ProviderFactory>>
