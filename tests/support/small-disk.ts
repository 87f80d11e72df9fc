// A service whose data lies on a disk of its own that is small: in memory, seen by this process alone, and gone with it.
import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm, statfs, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Service, startServiceBy } from './running-server.ts'
import { root } from './tools.ts'

/** A service on a small disk. */
export interface SmallDisk {
  readonly service: Service
  /** Takes all room that is left, but for so many bytes. */
  fill(leftBytes?: number): Promise<void>
  /** Gives that room back. */
  relieve(): Promise<void>
  /** How many bytes are free. */
  freeBytes(): Promise<number>
  /** The names of all files below a folder of the disk. */
  files(folder: string): Promise<readonly string[]>
  close(): Promise<void>
}

const MOUNT = 'mount -t tmpfs -o size="$DISK_BYTES" tmpfs "$DATA_DIR"'

// Root mounts for itself; others may where the kernel lets everybody have namespaces.
const WAYS: readonly (readonly string[])[] = [['--mount'], ['--user', '--map-root-user', '--mount']]

/** How a disk is mounted here; undefined where that is not allowed. */
export function mountingWay(): readonly string[] | undefined {
  const env = { ...process.env, DISK_BYTES: '65536', DATA_DIR: tmpdir() }
  return WAYS.find(way => spawnSync('unshare', [...way, 'sh', '-c', MOUNT], { env }).status === 0)
}

/** Starts a service on a disk of so many bytes. */
export async function startOnSmallDisk(
  way: readonly string[],
  sizeBytes: number,
  env: Readonly<Record<string, string>>,
): Promise<SmallDisk> {
  const dataDir = await mkdtemp(join(tmpdir(), 'exai-small-'))
  const script = `${MOUNT} && exec "$0" "$1"`
  const args = [...way, 'sh', '-c', script, process.execPath, join(root, 'src/main.ts')]
  const service = await startServiceBy('unshare', args, {
    cwd: root,
    env: { PORT: '0', DATA_DIR: dataDir, DISK_BYTES: String(sizeBytes), ...env },
  }).catch(async (error: unknown) => {
    await rm(dataDir, { recursive: true, force: true })
    throw error
  })
  // The mount is the process's own, so the way to it leads through the process.
  const disk = join('/proc', String(service.pid), 'root', dataDir)
  const filler = join(disk, 'filler')
  const freeBytes = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(disk)
    return bavail * bsize
  }
  return {
    service,
    async fill(leftBytes = 0) {
      await writeFile(filler, Buffer.alloc(Math.max(0, (await freeBytes()) - leftBytes)))
    },
    relieve: () => truncate(filler, 0),
    freeBytes,
    async files(folder) {
      const entries = await readdir(join(disk, folder), { recursive: true, withFileTypes: true })
      return entries.filter(entry => entry.isFile()).map(({ name }) => name)
    },
    async close() {
      // Its clients keep their connections, for which a polite end would wait.
      await service.stop('SIGKILL')
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
