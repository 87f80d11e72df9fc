// A real nginx of a test's own, by the configuration that the test gives.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { freePorts } from './free-port.ts'
import { tool } from './tools.ts'

/** A running nginx; it ends with the test. */
export interface Nginx {
  /** Where it takes HTTP/1.1. */
  readonly http1: number
  /** Where it takes HTTP/2. */
  readonly http2: number
  /** What it has written of what went wrong. */
  errors(): string
}

/** Listens on both ports; before 1.25.1 it cannot take both versions on one clear-text port. */
export const listenLines = (http1: number, http2: number): string =>
  `listen 127.0.0.1:${http1}; listen 127.0.0.1:${http2} http2;`

/** Somebody may take a port before it does. */
const START_TRIES = 3

/** Starts it with what stands in its `http` block, made of its ports. */
export async function startNginx(block: (http1: number, http2: number) => string): Promise<Nginx> {
  for (let left = START_TRIES; ; left -= 1) {
    try {
      return await startOnce(block)
    } catch (error) {
      if (left <= 1 || !String(error).includes('Address already in use')) throw error
    }
  }
}

async function startOnce(block: (http1: number, http2: number) => string): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), 'exai-nginx-'))
  const [http1 = 0, http2 = 0] = await freePorts(2)
  const text = `
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr warn;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  ${block(http1, http2)}
}
`
  await writeFile(join(folder, 'nginx.conf'), text)
  const child = spawn(tool('nginx')?.path ?? '', ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += String(chunk)
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended(child)
    await rm(folder, { recursive: true, force: true })
  })
  await vi.waitFor(
    async () => {
      if (child.exitCode === null) await reached(http2)
    },
    { interval: 20, timeout: 30_000 },
  )
  if (child.exitCode !== null) throw new Error(`nginx ended: ${errors}`)
  return { http1, http2, errors: () => errors }
}

function reached(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve()
    })
    socket.on('error', reject)
  })
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
}
