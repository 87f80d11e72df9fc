// Everything in a configuration that must never be shown.
import { accessSecretsOf, type Config, storeSecretsOf } from './config.ts'
import { secretsOf } from './snapshot.ts'
import { tracingSecretsOf } from './telemetry.ts'

/** All of it, for a log that keeps them out. */
export function configSecretsOf(config: Config): readonly string[] {
  return [
    ...secretsOf(config.snapshot),
    ...storeSecretsOf(config),
    ...accessSecretsOf(config),
    ...tracingSecretsOf(config.tracing),
  ]
}
