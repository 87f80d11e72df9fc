// The watches of the state: at once as it is, then after each change; who is slow gets the newest and misses those between.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { WatchStatusResponseSchema } from '#gen/exai/v1/monitoring_service_pb'
import type { StatusSchema } from '#gen/exai/v1/status_pb'
import { fingerprintOf, type GatewayState } from './state.ts'
import type { Status } from './status.ts'
import { type Process, statusMessage } from './status-message.ts'
import type { WatchCall, Watchers } from './watchers.ts'

/** One message of a watch. */
export type StatusWatchMessage = MessageInitShape<typeof WatchStatusResponseSchema>

/** The watches of the state. */
export interface StatusWatches {
  /** The state as a message, as it is now. */
  now(): MessageInitShape<typeof StatusSchema>
  watch(call: WatchCall): AsyncGenerator<StatusWatchMessage>
  /** Looks whether the state has changed since it was last looked at, and if so tells everybody. Says whether. */
  look(): boolean
}

/** What they are made of. */
export interface StatusWatchesDeps {
  readonly status: Pick<Status, 'state'>
  readonly process: Process
  readonly watchers: Pick<Watchers, 'watch' | 'wake'>
  /** Called with each state that is another one than before. */
  readonly onState?: (state: GatewayState) => void
}

/** Makes them. */
export function createStatusWatches({
  status,
  process,
  watchers,
  onState,
}: StatusWatchesDeps): StatusWatches {
  let print = ''
  let version = 0
  // Made once for all who watch.
  let message: MessageInitShape<typeof StatusSchema> | undefined

  function look(): boolean {
    const state = status.state()
    const now = fingerprintOf(state)
    if (now === print) return false
    print = now
    version += 1
    message = undefined
    onState?.(state)
    watchers.wake()
    return true
  }

  const now = (): MessageInitShape<typeof StatusSchema> => statusMessage(status.state(), process)

  return {
    now,
    look,
    async *watch(call) {
      let told = 0
      look()
      let isFirst = true
      yield* watchers.watch<StatusWatchMessage>(call, {
        take() {
          if (told === version) return undefined
          told = version
          if (isFirst) {
            isFirst = false
            return { status: now() }
          }
          message ??= now()
          return { status: message }
        },
        sign: () => ({}),
      })
    },
  }
}
