// What sets well-known hosts of the chat completions wire apart, as data.
import type { PresetName } from '../config/snapshot.ts'
import { type Dialect, type ThinkingRule, takesNothing } from './openai-dialect/dialect.ts'

/** One well-known host. */
export interface Preset {
  /** Used when the settings have none. */
  readonly baseUrl: string
  /** Rules that differ from those of any compatible host. */
  readonly quirks: Partial<Dialect>
}

const on = { toggle: 'enabled' } as const
const off = { toggle: 'disabled' } as const
const effort = <Word extends string>(word: Word) => ({ effort: word }) as const

// Ollama has no words between these, and ignores what it does not know.
const ollamaSteps: ThinkingRule['steps'] = {
  none: effort('none'),
  minimal: effort('low'),
  low: effort('low'),
  medium: effort('medium'),
  high: effort('high'),
  xhigh: effort('max'),
  max: effort('max'),
}

/** The open weights of GLM-5.3 think as much as they can at any word but these (noonghunna/club-3090#1129). */
const openGlm: ThinkingRule = {
  models: /glm-?5\.[3-9]/i,
  steps: {
    none: effort('low'),
    minimal: effort('low'),
    low: effort('low'),
    medium: effort('high'),
    high: effort('high'),
    xhigh: effort('max'),
    max: effort('max'),
  },
}

/** By the name that the configuration uses. */
export const presets = {
  // docs.ollama.com/openai
  ollama: {
    baseUrl: 'http://localhost:11434/v1',
    quirks: {
      takes: {
        seed: true,
        parallelToolCalls: false,
        toolStrict: false,
        promptCacheKey: false,
        serviceTier: false,
      },
      user: undefined,
      // It ignores every choice in silence.
      toolChoices: ['auto'],
      media: ['image_url'],
      mediaOnlyData: ['image_url'],
      imageDetails: [],
      reasoningEcho: 'reasoning',
      thinking: [{ models: /^/, steps: ollamaSteps }],
    },
  },
  // docs.vllm.ai/en/latest/serving/openai_compatible_server
  vllm: {
    baseUrl: 'http://localhost:8000/v1',
    quirks: {
      takes: {
        seed: true,
        parallelToolCalls: false,
        toolStrict: true,
        promptCacheKey: false,
        serviceTier: false,
      },
      user: undefined,
      media: ['image_url', 'input_audio', 'video_url'],
      imageDetails: [],
      // Renamed, and on the way in only the new name is read (vllm-project/vllm#38488).
      reasoningEcho: 'reasoning',
      thinking: [openGlm],
      strayTags: ['<|begin_of_box|>', '<|end_of_box|>'],
      // Its 400 has no code of its own for this.
      errorPhrases: [
        {
          within: 'bad_request',
          pattern: /^This model's maximum context length is \d+ tokens/,
          as: 'context_length',
        },
      ],
    },
  },
  // github.com/ggml-org/llama.cpp, tools/server
  'llama.cpp': {
    baseUrl: 'http://localhost:8080/v1',
    quirks: {
      takes: {
        seed: true,
        parallelToolCalls: true,
        toolStrict: false,
        promptCacheKey: false,
        serviceTier: false,
      },
      user: undefined,
      media: ['image_url', 'input_audio'],
      imageDetails: [],
      reasoningEcho: 'reasoning_content',
      thinking: [openGlm],
    },
  },
  // api-docs.deepseek.com
  deepseek: {
    baseUrl: 'https://api.deepseek.com',
    quirks: {
      takes: takesNothing,
      user: undefined,
      embeddings: undefined,
      media: [],
      responseForms: ['json_object'],
      plainStrings: true,
      toolChoiceRules: [{ models: /^/, whileThinking: ['none', 'auto'], switchesOff: true }],
      // Inside a loop of tools every call needs its thoughts.
      reasoningEcho: 'reasoning_content',
      reasoningStandIn: ' ',
      thinking: [
        { models: /^/, steps: { none: off, minimal: on, low: on, medium: on, high: on, xhigh: on, max: on } },
      ],
    },
  },
  // openrouter.ai/docs
  openrouter: {
    baseUrl: 'https://openrouter.ai/api/v1',
    quirks: {
      takes: {
        seed: true,
        parallelToolCalls: true,
        toolStrict: true,
        promptCacheKey: false,
        serviceTier: false,
      },
      // Some of its models insist on the sealed form.
      reasoningEcho: 'reasoning',
      reasoningDetails: true,
      effortObject: 'reasoning',
      always: { usage: { include: true } },
      // Moderation and guard rails; keys are refused with 401.
      errorCodes: { '403': 'content_filter' },
    },
  },
} as const satisfies Readonly<Record<PresetName, Preset>>
