// The thread in which PDF is read: whatever a file does to it, the service goes on, and a new thread is made.
import { parentPort, workerData } from 'node:worker_threads'
import { readPdf } from './pdf-pages.ts'
import type { PageLimits } from './pdf-protocol.ts'

// Written by pdf-text.ts only.
const limits = workerData as PageLimits
const port = parentPort
if (port === null) throw new Error('this file is a worker: use createPdfText instead')

// What reads a file from a stranger has no business with the network, with programs or with other files.
for (const name of ['fetch', 'WebSocket', 'EventSource', 'Worker']) Reflect.deleteProperty(globalThis, name)
Reflect.set(process, 'getBuiltinModule', () => {
  throw new Error('no module of Node is loaded for a PDF')
})

port.on('message', (bytes: Uint8Array) => {
  // A copy, because the sent buffer can still grow, which pdf.js does not know. It never rejects; were it to, the thread would end with the error, as it should.
  void readPdf(bytes.slice(), limits).then(answer => port.postMessage(answer))
})
