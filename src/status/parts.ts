// Parts of the state that nobody else watches: the configuration, the certificate, the room on disk, and what waits to be copied.
import { X509Certificate } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import type { Clock } from '../core/clock.ts'
import type { GatewayEvent } from '../core/gateway-event.ts'
import { type BacklogState, type ComponentReport, NO_BACKLOG } from './state.ts'

const HEALTHY: ComponentReport = { status: 'healthy', reason: '' }
const DAY_MS = 86_400_000
/** So long before its end a certificate is told, in milliseconds. */
const EXPIRY_MS = 14 * DAY_MS
/** With less room than this the disk is nearly full, in bytes. */
const ROOM_BYTES = 64 * 1024 * 1024

/** The configuration as a part: a changed file that was refused leaves the one before in use. */
export interface ConfigPart {
  hear(event: GatewayEvent): void
  report(): ComponentReport
}

/** Begins with a configuration that is in use. */
export function createConfigPart(): ConfigPart {
  let now = HEALTHY
  return {
    hear(event) {
      if (event.type === 'config.taken') now = HEALTHY
      if (event.type !== 'config.refused') return
      const { version, problems } = event
      const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
      const why = problems[0] ?? 'it cannot be used'
      now = {
        status: 'degraded',
        reason: `the changed file was refused and configuration ${version} stays: ${why}${more}`,
      }
    },
    report: () => now,
  }
}

/** The certificate as a part: told two weeks before it expires. `cert` is PEM; a chain's first one counts. */
export function certificatePart(cert: string, clock: Pick<Clock, 'now'>): () => ComponentReport {
  const validToDate = endOf(cert)
  const untilMs = validToDate.getTime()
  const until = validToDate.toISOString().slice(0, 10)
  return () => {
    const leftMs = untilMs - clock.now()
    if (leftMs > EXPIRY_MS) return HEALTHY
    const reason =
      leftMs <= 0
        ? `the certificate has expired on ${until}: replace TLS_CERT and restart`
        : `the certificate expires on ${until}: replace TLS_CERT and restart before that`
    return { status: 'degraded', reason }
  }
}

/** What is looked at from time to time. */
export interface LookedAt {
  /** Looks again; never rejects. */
  look(): Promise<void>
  freeBytes(): number | undefined
  /** The room on the disk; a full one is found by whoever writes. */
  disk(): ComponentReport
  backlog(): BacklogState
}

/** What is looked at. */
export interface LookedAtDeps {
  /** Folder of the data. */
  readonly path: string
  /** What waits for the stores behind. Absent: there are none. */
  readonly backlog?: (() => Promise<BacklogState>) | undefined
  /** Gives bytes that are free. Default: those for this user. */
  readonly freeBytes?: (path: string) => Promise<number>
}

/** Makes it; nothing is known before the first look. */
export function createLookedAt({ path, backlog, freeBytes = freeBytesAt }: LookedAtDeps): LookedAt {
  let free: number | undefined
  let waiting = NO_BACKLOG
  return {
    async look() {
      // Not every system tells, and a store that is away has nothing to say: what is unknown is left out, or as it was.
      free = await freeBytes(path).catch(() => undefined)
      waiting = (await backlog?.().catch(() => waiting)) ?? NO_BACKLOG
    },
    freeBytes: () => free,
    disk() {
      if (free === undefined || free >= ROOM_BYTES) return HEALTHY
      const room = Math.floor(free / 1024 / 1024)
      return { status: 'degraded', reason: `the disk has only ${room} MiB left: make room` }
    },
    backlog: () => waiting,
  }
}

async function freeBytesAt(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path)
  return bavail * bsize
}

/** When a certificate (PEM, the first of its chain) ends. */
export function endOf(cert: string): Date {
  return new X509Certificate(cert).validToDate
}
