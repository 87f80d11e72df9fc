// Tests the port behind nginx: a client's cancel, which nginx passes on as a plain FIN, ends its call at once.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type ClientHttp2Session, connect } from 'node:http2'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { ask, soon, startPort } from '../support/port-rig.ts'
import { openRaw } from '../support/raw-client.ts'

const NGINX = '/usr/sbin/nginx'

// nginx before 1.25.1 cannot take HTTP/1.1 and HTTP/2 on one clear-text port, so it gets two. One upstream for each
// version: a shared one would send HTTP/1.1 down a kept HTTP/2 connection.
const configFor = (upstream: number, http1: number, http2: number): string => `
daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log stderr warn;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream exai_h1 { server 127.0.0.1:${upstream}; keepalive 32; }
  upstream exai_h2 { server 127.0.0.1:${upstream}; keepalive 32; }
  server {
    listen 127.0.0.1:${http1};
    listen 127.0.0.1:${http2} http2;
    location / {
      if ($http_content_type ~* "^application/(grpc(\\+|;|$)|connect\\+)") { grpc_pass grpc://exai_h2; }
      proxy_pass http://exai_h1; proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;
      proxy_set_header Host $host; proxy_set_header Connection "";
      grpc_read_timeout 3600s; proxy_read_timeout 3600s;
    }
  }
}
`

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const bound = server.address()
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : 0))
    })
  })

const ended = (child: ChildProcess): Promise<void> =>
  new Promise(resolve => {
    if (child.exitCode !== null) resolve()
    else child.once('exit', () => resolve())
  })

const startNginx = async (upstream: number) => {
  const folder = await mkdtemp(join(tmpdir(), 'exai-nginx-'))
  const [http1, http2] = [await freePort(), await freePort()]
  await writeFile(join(folder, 'nginx.conf'), configFor(upstream, http1, http2))
  const child = spawn(NGINX, ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr'], {
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
      if (child.exitCode !== null) throw new Error(`nginx ended: ${errors}`)
      const { socket } = await openRaw(http2)
      socket.destroy()
    },
    { interval: 20, timeout: 5_000 },
  )
  return { http1, http2, errors: () => errors }
}

const grpcCall = (session: ClientHttp2Session, path: string) => {
  const stream = session.request(
    { ':path': path, ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' },
    { endStream: false },
  )
  stream.on('error', () => {
    // Its own cancel.
  })
  stream.end('question')
  return stream
}

const openSession = (port: number): ClientHttp2Session => {
  const session = connect(`http://127.0.0.1:${port}`)
  session.on('error', () => {
    // nginx is killed under it at the end of a test.
  })
  onTestFinished(() => session.destroy())
  return session
}

it.skipIf(!existsSync(NGINX))(
  'a gRPC call cancelled through nginx ends its handler at once (skipped without nginx: apt-get install nginx)',
  async () => {
    const { number, seen } = await startPort()
    const nginx = await startNginx(number)
    const call = grpcCall(openSession(nginx.http2), '/stream')
    await soon(() => expect(seen('/stream')).toEqual({ started: 1, closed: 0 }))
    call.close(8)
    await soon(() => expect(seen('/stream')).toEqual({ started: 1, closed: 1 }))
  },
)

it.skipIf(!existsSync(NGINX))(
  'a client killed behind nginx ends its calls of both versions (skipped without nginx: apt-get install nginx)',
  async () => {
    const { number, seen } = await startPort()
    const nginx = await startNginx(number)
    const session = openSession(nginx.http2)
    grpcCall(session, '/stream')
    const first = await openRaw(nginx.http1)
    first.send('GET /silent HTTP/1.1\r\nHost: test\r\n\r\n')
    await soon(() => expect([seen('/stream').started, seen('/silent').started]).toEqual([1, 1]))
    session.destroy()
    first.socket.destroy()
    await soon(() => expect([seen('/stream').closed, seen('/silent').closed]).toEqual([1, 1]))
  },
)

it.skipIf(!existsSync(NGINX))(
  'one port behind nginx answers both versions again and again (skipped without nginx: apt-get install nginx)',
  async () => {
    const { number } = await startPort()
    const nginx = await startNginx(number)
    const session = openSession(nginx.http2)
    for (let round = 0; round < 5; round += 1) {
      const response = await fetch(`http://127.0.0.1:${nginx.http1}/plain`)
      expect(await response.text()).toBe('1.1 /plain')
      const grpc = { ':path': '/echo', ':method': 'POST', 'content-type': 'application/grpc' }
      expect(await ask(session, grpc, 'over two')).toEqual({ status: 200, text: 'over two' })
    }
    expect(nginx.errors()).toBe('')
  },
)
