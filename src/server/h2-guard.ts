// Guards one HTTP/2 session: a peer that is silent, idle, dead or does not read ends by itself, and a drain can ask it to leave.
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { createSlots } from '../core/slots.ts'
import type { PortEvent, PortEventSink } from './port-handler.ts'
import type { PortLimits } from './port-limits.ts'
import { createStallWatch, type Flow, followStream, type StallWatch } from './stall.ts'

/** The guard of one session. */
export type SessionGuard = {
  /** Applies all limits as of now, a monotonic time in milliseconds. */
  readonly sweep: (nowMs: number) => void
  /** How many streams are open. */
  readonly openStreams: () => number
}

/** What `guardSession` needs. */
export type SessionGuardDeps = {
  readonly session: ServerHttp2Session
  /** The socket under the session: TLS or TCP. */
  readonly socket: Socket
  readonly peer: string
  readonly limits: PortLimits
  readonly onEvent: PortEventSink
  readonly nowMs: number
}

/** A stream is followed from the first sweep on that meets it: most are gone by then, and cost nothing more. */
type StreamWatch = {
  readonly stream: ServerHttp2Stream
  follow: { readonly look: () => Flow; readonly stall: StallWatch } | undefined
}

type StreamsDeps = Pick<SessionGuardDeps, 'session' | 'peer' | 'limits' | 'onEvent'>

const watchStreams = ({ session, peer, limits, onEvent }: StreamsDeps) => {
  const open = createSlots<StreamWatch>()
  let openedNow = false
  session.on('stream', stream => {
    openedNow = true
    const place = open.add({ stream, follow: undefined })
    // It is said once; that this is so need not be seen to.
    stream.on('close', () => open.take(place))
  })
  return {
    count: open.size,
    /** Whether a stream was open at any moment since this was last asked: most calls are shorter than a check interval. */
    wasBusy: (): boolean => {
      const isBusy = openedNow || open.size() > 0
      openedNow = false
      return isBusy
    },
    sweep: (nowMs: number): void => {
      for (const watch of open.all()) {
        const { stream } = watch
        watch.follow ??= { look: followStream(stream), stall: createStallWatch(limits.stallTimeoutMs) }
        const { look, stall } = watch.follow
        if (!stall.isStalled(look(), nowMs)) continue
        onEvent({ type: 'stream.stalled', peer })
        stream.close(constants.NGHTTP2_CANCEL)
      }
    },
  }
}

/** Returns whether the peer is still there; asks it by PING when it has been silent for long. */
const watchPulse = ({ session, socket, limits, nowMs }: SessionGuardDeps) => {
  let heardBytes = socket.bytesRead
  let heardAtMs = nowMs
  let askedAtMs: number | undefined
  return (now: number): boolean => {
    // Any byte is a sign of life, so a busy peer, or a mobile one at rest, is never asked.
    if (socket.bytesRead !== heardBytes) {
      heardBytes = socket.bytesRead
      heardAtMs = now
      askedAtMs = undefined
    }
    if (askedAtMs !== undefined) return now - askedAtMs < limits.pingTimeoutMs
    // After GOAWAY Node sends no PING; the drain has its own end.
    if (now - heardAtMs >= limits.pingIntervalMs && !session.closed && !session.destroyed) {
      askedAtMs = now
      // The answer is heard like any other byte.
      session.ping(() => {})
    }
    return true
  }
}

/** Guards a session from its first moment until its socket closes. The caller sweeps. */
export const guardSession = (deps: SessionGuardDeps): SessionGuard => {
  const { session, socket, peer, limits, onEvent } = deps
  const streams = watchStreams(deps)
  let isAlive = watchPulse(deps)
  let isSettled = false
  let quietSinceMs = deps.nowMs
  let endedAtMs: number | undefined
  session.once('remoteSettings', () => {
    isSettled = true
  })

  const end = (type: Extract<PortEvent['type'], 'session.silent' | 'ping.unanswered'>): void => {
    onEvent({ type, peer })
    socket.destroy()
  }
  const sweepQuiet = (nowMs: number): void => {
    const quietMs = nowMs - quietSinceMs
    if (session.closed || session.destroyed) {
      // Node waits for the peer's FIN after a graceful end; one that never sends it would keep the socket.
      endedAtMs ??= nowMs
      if (nowMs - endedAtMs >= limits.closeGraceMs) socket.destroy()
    } else if (!isSettled) {
      if (quietMs >= limits.headersTimeoutMs) end('session.silent')
    } else if (quietMs >= limits.idleSessionMs) {
      onEvent({ type: 'session.idled', peer })
      session.close()
    }
  }
  let wasBusy = false
  return {
    openStreams: streams.count,
    sweep: nowMs => {
      const isBusy = streams.wasBusy()
      if (isBusy !== wasBusy) {
        quietSinceMs = nowMs
        isAlive = watchPulse({ ...deps, nowMs })
        wasBusy = isBusy
      }
      if (!isBusy) return sweepQuiet(nowMs)
      streams.sweep(nowMs)
      if (!isAlive(nowMs)) end('ping.unanswered')
    },
  }
}
