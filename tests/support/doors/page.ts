// The two tables of docs/compat.md, made from what the tests of the doors go through.
import { doorNames, doors, type Feature, featureNames, features, lack, reasons } from './features.ts'

/** Clients of others that tests drive: who, through which doors, and where. */
export const clients: readonly {
  readonly client: string
  readonly speaks: string
  /** Below the root of the project. */
  readonly file: string
  /** Of one test of the file, the first that shows it. */
  readonly title: string
}[] = [
  {
    client: '`exai/client` in Node',
    speaks: 'gRPC, gRPC-Web, Connect',
    file: 'tests/e2e/typescript-client.test.ts',
    title: 'answers, streams and collects, and uploads a file',
  },
  {
    client: '`exai/client` in Chromium, from another origin',
    speaks: 'gRPC-Web, Connect',
    file: 'tests/browser/example.test.ts',
    title: 'does everything when CORS_ORIGINS names it',
  },
  {
    client: '`@connectrpc/connect-node`',
    speaks: 'gRPC, gRPC-Web, Connect',
    file: 'tests/e2e/connect-es.test.ts',
    title: 'gets an answer with its usage',
  },
  {
    client: '`@grpc/grpc-js`',
    speaks: 'gRPC',
    file: 'tests/e2e/grpc-js.test.ts',
    title: 'grpc-js gets an answer',
  },
  {
    client: 'connect-go and grpc-go, by `gen/go`',
    speaks: 'gRPC, gRPC-Web, Connect',
    file: 'tests/e2e/go-client.test.ts',
    title: 'the Go client (skipped without Go)',
  },
  {
    client: 'connectrpc and grpcio for Python, by `gen/python`',
    speaks: 'gRPC, gRPC-Web, Connect',
    file: 'tests/e2e/python-client.test.ts',
    title: 'takes the whole tour with connectrpc over %s',
  },
  {
    client: 'grpcurl',
    speaks: 'gRPC with reflection',
    file: 'tests/e2e/command-line-clients.test.ts',
    title: 'lists the services and describes a method',
  },
  {
    client: 'grpc-health-probe',
    speaks: 'gRPC health',
    file: 'tests/e2e/command-line-clients.test.ts',
    title: 'grpc-health-probe finds the service serving',
  },
  {
    client: 'curl',
    speaks: 'Connect',
    file: 'tests/e2e/command-line-clients.test.ts',
    title: 'gets an answer and a tool call as JSON',
  },
  {
    client: "Connect's own conformance suite",
    speaks: 'gRPC, gRPC-Web, Connect',
    file: 'tests/conformance/conformance.test.ts',
    title: 'finds nothing to object to',
  },
  {
    client: '`openai` for Node',
    speaks: '/v1/chat/completions and all beside it',
    file: 'tests/e2e/openai-sdk.test.ts',
    title: 'gets through /v1 what it gets through gRPC',
  },
  {
    client: '`openai` for Node',
    speaks: '/v1/responses',
    file: 'tests/e2e/openai-responses.test.ts',
    title: 'are called, and their results read, in a chat that the client keeps',
  },
  {
    client: '`openai` for Python',
    speaks: '/v1/chat/completions and all beside it',
    file: 'tests/e2e/openai-sdk-python.test.ts',
    title: 'gets models, files and vectors',
  },
  {
    client: '`@anthropic-ai/sdk`',
    speaks: '/v1/messages',
    file: 'tests/e2e/anthropic-sdk.test.ts',
    title: 'gets through /v1/messages what it gets through gRPC',
  },
  {
    client: '`websockets` for Python',
    speaks: 'WebSocket',
    file: 'tests/e2e/websocket.test.ts',
    title: 'runs the example of the handover guide unchanged but for its token and its model',
  },
  {
    client: '`@modelcontextprotocol/client` and `/sdk`, over HTTP and stdio',
    speaks: 'MCP',
    file: 'tests/e2e/mcp.test.ts',
    title: 'lists the tools with the schemas of what they take and give',
  },
]

/** The table of features and doors, with the notes below it. */
export function featureTable(): string {
  const notes = new Set<string>()
  const cell = (feature: (typeof featureNames)[number], door: (typeof doorNames)[number]): string => {
    const why = lack(feature, door)
    if (why !== undefined) notes.add(why)
    return why === undefined ? '✓' : `–[^${why}]`
  }
  const rows = featureNames.map(feature => {
    const { title, file }: Feature = features[feature]
    return [`[${title}](../tests/e2e/${file})`, ...doorNames.map(door => cell(feature, door))]
  })
  const head = ['', ...doorNames.map(door => doors[door].name)]
  const told = [...notes].map(why => `[^${why}]: ${Reflect.get(reasons, why)}`)
  return [
    line(head),
    line(head.map((_, index) => (index === 0 ? '---' : ':-:'))),
    ...rows.map(line),
    '',
    ...told,
  ].join('\n')
}

/** The table of clients. */
export function clientTable(): string {
  const rows = clients.map(({ client, speaks, file }) =>
    line([client, speaks, `[${nameOf(file)}](../${file})`]),
  )
  return [line(['client', 'door', 'test']), line(['---', '---', '---']), ...rows].join('\n')
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

const nameOf = (file: string): string => file.slice(file.lastIndexOf('/') + 1)
