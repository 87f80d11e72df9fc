// One large file up and down through the whole gateway over gRPC: what it costs in CPU, and how far memory grows.
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FilesOrder, FilesResult } from './files-client.ts'
import { cpuMicros, forgetPeak, peakRssBytes, rssBytes } from './machine.ts'
import { answerOf, type Server } from './processes.ts'
import { alignedTable } from './report.ts'

/** The file in one direction. */
export type Direction = {
  /** CPU of the service, all its threads, in seconds for each GiB. */
  readonly cpuSecondsPerGib: number
  readonly mibPerSecond: number
  /** How far resident memory rose at its highest above what it was before the upload. */
  readonly grownMib: number
}

/** What a file costs. */
export type FilesFigures = {
  readonly mib: number
  /** Resident memory before the upload. */
  readonly rssMib: number
  readonly up: Direction
  readonly down: Direction
}

/** How far resident memory may grow, in MiB. */
export const GROWN_MIB_MAX = 64

/** The service loads its token encoding after its start: that is no memory of a file. */
const SETTLE_MS = 4_000

const MIB = 2 ** 20

/** Sends the file to a gateway that was just started, and fetches it again. Throws when a byte is not as it was sent. */
export async function measureFiles(server: Server, client: ChildProcess, mib: number): Promise<FilesFigures> {
  await sleep(SETTLE_MS)
  const before = rssBytes(server.pid)
  const sent = await measure(server, client, { type: 'upload', port: server.port, bytes: mib * MIB }, before)
  const { fileId, sha256 } = sent.result
  const fetched = await measure(server, client, { type: 'download', port: server.port, fileId }, before)
  for (const { result } of [sent, fetched]) {
    if (result.bytes !== mib * MIB || result.sha256 !== sha256 || result.toldSha256 !== sha256)
      throw new Error(`the run is invalid: ${result.bytes} bytes came, with another hash than was sent`)
  }
  return { mib, rssMib: before / MIB, up: sent.direction, down: fetched.direction }
}

/** The figures as they stand in the documentation. */
export function describeFiles({ mib, rssMib, up, down }: FilesFigures): string {
  return [
    alignedTable([
      [`${mib.toLocaleString('en')} MiB over gRPC, h2c`, 'CPU s/GiB', 'MiB/s', 'memory grew by MiB', 'limit'],
      ...[['up', up] as const, ['down', down] as const].map(([name, one]) => [
        name,
        one.cpuSecondsPerGib.toFixed(2),
        one.mibPerSecond.toFixed(0),
        one.grownMib.toFixed(1),
        String(GROWN_MIB_MAX),
      ]),
    ]),
    '',
    `Resident memory before the upload: ${rssMib.toFixed(0)} MiB. The SHA-256 of what was sent, kept and fetched is the same.`,
  ].join('\n')
}

async function measure(server: Server, client: ChildProcess, order: FilesOrder, before: number) {
  forgetPeak(server.pid)
  const cpu = cpuMicros(server.pid)
  const answered = answerOf<FilesResult>(client)
  client.send(order)
  const result = await answered
  if (result.error !== undefined) throw new Error(`the run is invalid: ${order.type}: ${result.error}`)
  const direction: Direction = {
    cpuSecondsPerGib: (cpuMicros(server.pid) - cpu) / 1e6 / (result.bytes / 2 ** 30),
    mibPerSecond: result.bytes / MIB / result.seconds,
    grownMib: (peakRssBytes(server.pid) - before) / MIB,
  }
  return { result, direction }
}
