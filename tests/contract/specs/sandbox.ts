// What the contract comes to with the sandbox, which is in the process and asks nobody.
import { ReasoningEffort } from '#gen/exai/v1/chat_pb'
import { createSandbox } from '../../../src/providers/sandbox.ts'
import type { ProviderSpec } from '../../suites/provider-spec.ts'

const make = () => createSandbox({ id: 'sandbox' })
const [model] = make().models
if (model === undefined) throw new Error('the sandbox has no model')
const unused = 'it takes it, and has no use for it'
const nobodyAsked = 'it asks nobody who could fail'

/** The sandbox. */
export const sandbox: ProviderSpec = {
  name: 'sandbox',
  title: 'Sandbox',
  id: 'sandbox',
  model,
  make,
  thinkingEffort: ReasoningEffort.HIGH,
  ownFields: { words: 30 },
  cells: {
    'web-search': { outcome: 'warned', warnings: ['DROPPED web_search'] },
  },
  absent: {
    'image-data': unused,
    'image-url': unused,
    'pdf-data': unused,
    'pdf-url': unused,
    sound: unused,
    'video-url': unused,
    'strict-tool': unused,
    'parallel-off': unused,
    temperature: unused,
    'high-temperature': unused,
    'top-p': unused,
    seed: unused,
    user: unused,
    'cache-key': unused,
    tier: unused,
    labels: unused,
    'tool-calls': 'it calls one tool in a turn',
    several: 'it knows no such field',
    cached: 'it has no cache',
    finish: nobodyAsked,
    errors: nobodyAsked,
    'error-200': nobodyAsked,
    'error-midway': nobodyAsked,
    cut: nobodyAsked,
  },
}
