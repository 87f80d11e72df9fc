// The parts of the service whose health is told beside that of the providers: stores, disk, shared state, configuration, certificate.
import type { Config } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { GatewayEvent } from './core/gateway-event.ts'
import type { Keeping } from './keeping.ts'
import type { Sharing } from './sharing.ts'
import { certificatePart, createConfigPart, createLookedAt } from './status/parts.ts'
import type { ComponentReport } from './status/state.ts'
import type { StatusDeps } from './status/status.ts'

/** What they are made of. */
export interface ComponentsDeps {
  readonly config: Pick<Config, 'dataDir' | 'listen'>
  readonly clock: Clock
  readonly keeping: Pick<Keeping, 'health' | 'numbers' | 'outbox'>
  readonly sharing: Pick<Sharing, 'health'>
  /** How our own store is. */
  readonly store: () => ComponentReport
}

/** The parts. */
export interface Components {
  /** What a state is made from of them. */
  readonly told: Required<Pick<StatusDeps, 'store' | 'others' | 'stores' | 'backlog'>>
  /** Looks at what tells nobody by itself: the room on the disk, and what waits for the stores behind. Never rejects. */
  look(): Promise<void>
  /** Takes what happens to the configuration. */
  hear(event: GatewayEvent): void
}

/** Makes them; nothing of the disk is known before the first look. */
export function createComponents({ config, clock, keeping, sharing, store }: ComponentsDeps): Components {
  const configPart = createConfigPart()
  const { tls } = config.listen
  const certificate = tls === undefined ? undefined : certificatePart(tls.cert, clock)
  const looked = createLookedAt({
    path: config.dataDir,
    ...(keeping.outbox === undefined
      ? {}
      : {
          async backlog() {
            const { backlogRows, backlogAgeMs, deadLetters } = await keeping.numbers()
            return { rows: backlogRows, ageMs: backlogAgeMs, deadLetters }
          },
        }),
  })
  const whole = (): ComponentReport => {
    const own = store()
    return own.status === 'healthy' ? looked.disk() : own
  }
  return {
    told: {
      store: whole,
      others: () => ({
        ...keeping.health(),
        ...sharing.health(),
        config: configPart.report(),
        ...(certificate === undefined ? {} : { certificate: certificate() }),
      }),
      stores: () => ({
        sqlite: { ...whole(), freeBytes: looked.freeBytes() },
        files: { ...looked.disk(), freeBytes: looked.freeBytes() },
        ...keeping.health(),
        process: { status: 'healthy', reason: '' },
        ...sharing.health(),
      }),
      backlog: looked.backlog,
    },
    look: looked.look,
    hear: configPart.hear,
  }
}
