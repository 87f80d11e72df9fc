// Tests the port behind nginx: a client's cancel, which nginx passes on as a plain FIN, ends its call at once.
import { type ClientHttp2Session, connect } from 'node:http2'
import { expect, it, onTestFinished } from 'vitest'
import { listenLines, type Nginx, startNginx } from '../support/nginx.ts'
import { ask, soon, startPort } from '../support/port-rig.ts'
import { openRaw } from '../support/raw-client.ts'
import { tool } from '../support/tools.ts'

const hasNginx = tool('nginx') !== undefined

// One upstream for each version: a shared one would send HTTP/1.1 down a kept HTTP/2 connection.
const startBefore = (upstream: number): Promise<Nginx> =>
  startNginx(
    (http1, http2) => `
  upstream exai_h1 { server 127.0.0.1:${upstream}; keepalive 32; }
  upstream exai_h2 { server 127.0.0.1:${upstream}; keepalive 32; }
  server {
    ${listenLines(http1, http2)}
    location / {
      if ($http_content_type ~* "^application/(grpc(\\+|;|$)|connect\\+)") { grpc_pass grpc://exai_h2; }
      proxy_pass http://exai_h1; proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;
      proxy_set_header Host $host; proxy_set_header Connection "";
      grpc_read_timeout 3600s; proxy_read_timeout 3600s;
    }
  }`,
  )

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

it.skipIf(!hasNginx)(
  'a gRPC call cancelled through nginx ends its handler at once (skipped without nginx: apt-get install nginx)',
  async () => {
    const { number, seen } = await startPort()
    const nginx = await startBefore(number)
    const call = grpcCall(openSession(nginx.http2), '/stream')
    await soon(() => expect(seen('/stream')).toEqual({ started: 1, closed: 0 }))
    call.close(8)
    await soon(() => expect(seen('/stream')).toEqual({ started: 1, closed: 1 }))
  },
)

it.skipIf(!hasNginx)(
  'a client killed behind nginx ends its calls of both versions (skipped without nginx: apt-get install nginx)',
  async () => {
    const { number, seen } = await startPort()
    const nginx = await startBefore(number)
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

it.skipIf(!hasNginx)(
  'one port behind nginx answers both versions again and again (skipped without nginx: apt-get install nginx)',
  async () => {
    const { number } = await startPort()
    const nginx = await startBefore(number)
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
