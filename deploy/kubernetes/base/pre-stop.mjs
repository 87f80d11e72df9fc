// Runs before a pod is told to end: waits until what was done here has been copied to the Supabase project, 30 s at most.
// What the last calls leave behind is copied at the end of the process itself.
import http from 'node:http'
import https from 'node:https'

const WAIT_MS = 30_000
const LOOK_MS = 250
// Younger rows are on their way; under load there are always some.
const FRESH_S = 1

// biome-ignore lint/style/noProcessEnv: it is a program of its own, in the environment of the container
const { PORT: port = '8080', TLS_CERT: cert } = process.env

/** The metrics of this process, or undefined when they cannot be read. */
function metrics() {
  const { get } = cert ? https : http
  // The certificate is for the world's name, not for loopback.
  const options = { host: '127.0.0.1', port, path: '/metrics', rejectUnauthorized: false, timeout: LOOK_MS }
  return new Promise(resolve => {
    const request = get(options, async answer => {
      const parts = []
      try {
        for await (const part of answer) parts.push(part)
        resolve(answer.statusCode === 200 ? Buffer.concat(parts).toString() : undefined)
      } catch {
        resolve(undefined)
      }
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(undefined))
  })
}

/** Whether nothing old waits. Without a project there is no such metric, and nothing to wait for. */
function isCopied(text) {
  const value = name => new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
  const rows = value('exai_outbox_rows')
  return rows === undefined || rows === '0' || Number(value('exai_outbox_age_seconds')) < FRESH_S
}

const endsAt = performance.now() + WAIT_MS
while (performance.now() < endsAt) {
  const text = await metrics()
  if (text !== undefined && isCopied(text)) break
  await new Promise(resolve => setTimeout(resolve, LOOK_MS))
}
