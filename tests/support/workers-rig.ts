// The state that workers share in the hands of a test: an owner and two workers, each at the other end of a socket.
import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/core/clock.ts'
import { createProcessShared } from '../../src/stores/process/shared.ts'
import { type Channel, createChannel, type Offer } from '../../src/stores/workers/channel.ts'
import { createWorkersShared, type WorkersShared } from '../../src/stores/workers/shared.ts'
import { createSharedOwner } from '../../src/stores/workers/shared-owner.ts'
import type { SharedRig } from '../suites/shared-log.ts'

const ELAPSED_MS = 20

/** Two sockets that are each other's other end. */
export async function socketPair(): Promise<readonly [Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it does not listen')
  const accepted: Promise<readonly Socket[]> = once(server, 'connection')
  const one = createConnection({ host: '127.0.0.1', port: address.port })
  const [other] = await accepted
  server.close()
  if (other === undefined) throw new Error('nobody has come')
  for (const socket of [one, other]) socket.setNoDelay(true)
  return [one, other]
}

/** Two ends of a channel. */
export async function channelPair(
  here: Offer,
  there: Offer,
  onFault: (fault: unknown) => void = () => undefined,
): Promise<readonly [Channel, Channel]> {
  const [one, other] = await socketPair()
  return [
    createChannel({ socket: one, offer: here, onFault }),
    createChannel({ socket: other, offer: there, onFault }),
  ]
}

/** A worker as the owner sees it. */
export interface RigWorker {
  readonly shared: WorkersShared
  /** Cuts it off, as its death does; resolves when the owner has let go of what it held. */
  die(): Promise<void>
}

/** An owner with two workers. */
export interface WorkersRig extends SharedRig {
  readonly workers: readonly [RigWorker, RigWorker]
}

/** Makes it. */
export async function createWorkersRig(
  onFault: (fault: unknown) => void = () => undefined,
): Promise<WorkersRig> {
  const local = createProcessShared({ clock: systemClock, onFault, sweepEveryMs: 5 })
  const owner = createSharedOwner({ shared: local, onFault })
  async function worker(): Promise<RigWorker> {
    const link = owner.link(() => there)
    const shared = createWorkersShared({ channel: () => here, onFault })
    const [here, there]: readonly [Channel, Channel] = await channelPair(
      { handlers: shared.handlers },
      link.offer,
      onFault,
    )
    const released = there.closed.then(link.release)
    return {
      shared,
      async die() {
        here.close()
        await released
      },
    }
  }
  const workers = [await worker(), await worker()] as const
  return {
    workers,
    shared: workers[0].shared,
    other: workers[1].shared,
    elapse: ms => sleep(ms + ELAPSED_MS),
    async close() {
      await Promise.all(workers.map(one => one.die()))
      await local.close()
    },
  }
}
