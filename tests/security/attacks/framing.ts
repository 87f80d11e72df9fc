// Requests of HTTP/1.1 about whose end two readers could disagree, and such as are no requests at all.
import { type Attack, insidesIn } from '../attack.ts'
import type { Stage, Target } from '../stage.ts'

const TOPIC = 'framing'

const PATH = '/exai.v1.ChatService/ListModels'
let smuggled = 0

/** What an attacker wants to be taken for a request of its own: it has an id by which its answer would be known. */
function inner(pass: string): { readonly id: string; readonly bytes: string } {
  smuggled += 1
  const id = `smuggled-${smuggled}`
  const head = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Request-Id: ${id}\r\n${pass}`
  return { id, bytes: `${head}Content-Length: 2\r\n\r\n{}` }
}

type Outcome = {
  /**
   * `refused`: no answer of it may be 2xx, and nothing in it may be answered.
   * `itself`: it is refused, but ends where it says, so that what follows is a request of its own. `both`: it is good, too.
   */
  readonly wants: 'refused' | 'itself' | 'both'
}

/** Plays bytes against both gateways, with the credential of an honest caller, so that only the framing can be what is refused. */
const framed = (
  name: string,
  write: (head: string, within: string) => string,
  { wants }: Outcome = { wants: 'refused' },
): Attack => ({
  topic: TOPIC,
  name,
  run: async stage => {
    const found = await Promise.all([stage.open, stage.guarded].map(target => playOn(target, write, wants)))
    return found.flat()
  },
})

async function playOn(
  target: Target,
  write: (head: string, within: string) => string,
  wants: Outcome['wants'],
): Promise<readonly string[]> {
  const pass = target.pass.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const { id, bytes } = inner(pass)
  const head = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${pass}`
  const { answers, received } = await target.wire.bytes([write(head, bytes)], { limitMs: 13_000 })
  const isLetIn = received.includes(id) || target.service.calls(id).length > 0
  const good = answers.filter(({ status }) => status >= 200 && status < 300)
  const where = `${target.name}: `
  return [
    ...answers.flatMap(insidesIn),
    ...(wants === 'refused' && isLetIn ? ['what was hidden in it was answered'] : []),
    ...(wants === 'refused' ? good.map(({ status }) => `it was answered ${status}`) : []),
    ...(wants === 'itself' && good.length > 1 ? ['it was answered well'] : []),
    ...(wants === 'both' && !(isLetIn && answers.length === 2)
      ? [`it was answered ${answers.length} times`]
      : []),
  ].map(problem => `${where}${problem}`)
}

const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
const last = '0\r\n\r\n'

const lengths: readonly (readonly [name: string, fields: string])[] = [
  ['two equal lengths', 'Content-Length: 2\r\nContent-Length: 2\r\n'],
  ['two different lengths', 'Content-Length: 2\r\nContent-Length: 200\r\n'],
  ['a list of lengths', 'Content-Length: 2, 2\r\n'],
  ['a length with a plus', 'Content-Length: +2\r\n'],
  ['a negative length', 'Content-Length: -2\r\n'],
  ['a hexadecimal length', 'Content-Length: 0x2\r\n'],
  ['a length with an exponent', 'Content-Length: 2e0\r\n'],
  ['a length with a space inside', 'Content-Length: 2 0\r\n'],
  ['a length with a fraction', 'Content-Length: 2.0\r\n'],
  ['a length of 2^64 and two', 'Content-Length: 18446744073709551618\r\n'],
  ['an empty length', 'Content-Length: \r\n'],
  ['a length of letters', 'Content-Length: two\r\n'],
  ['a length with a space before its colon', 'Content-Length : 2\r\n'],
  ['a length on a folded line', 'Content-Length:\r\n 2\r\n'],
  ['a length with a NUL', 'Content-Length: 2\u0000\r\n'],
]

const codings: readonly (readonly [name: string, fields: string])[] = [
  ['chunked beside a length', 'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n'],
  ['a length beside chunked', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n'],
  ['chunked beside a length of 0', 'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n'],
  ['an unknown coding', 'Transfer-Encoding: xchunked\r\n'],
  ['chunked and then another coding', 'Transfer-Encoding: chunked, identity\r\n'],
  [
    'chunked with a length and a space before the colon',
    'Transfer-Encoding : chunked\r\nContent-Length: 2\r\n',
  ],
  ['chunked on a folded line with a length', 'Transfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n'],
  ['chunked behind a vertical tab', 'Transfer-Encoding: \u000bchunked\r\nContent-Length: 2\r\n'],
  ['chunked in quotation marks', 'Transfer-Encoding: "chunked"\r\nContent-Length: 2\r\n'],
  ['chunked behind a bare line feed', 'X: y\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n'],
  ['chunked behind a bare carriage return', 'X: y\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n'],
  ['chunked in two fields that disagree', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n'],
  ['identity with a length', 'Transfer-Encoding: identity\r\nContent-Length: 2\r\n'],
  [
    'chunked under a name with an underscore, with a length too short',
    'Transfer_Encoding: chunked\r\nContent-Length: 0\r\n',
  ],
]

const chunks: readonly (readonly [name: string, body: (within: string) => string])[] = [
  ['a chunk size with 0x', within => `0x2\r\n{}\r\n${last}${within}`],
  ['a chunk size with a minus', within => `-2\r\n{}\r\n${last}${within}`],
  ['a chunk size with a plus', within => `+2\r\n{}\r\n${last}${within}`],
  ['a chunk size with an underscore', within => `0_2\r\n{}\r\n${last}${within}`],
  ['a chunk size of 17 digits', within => `F0000000000000002\r\n{}\r\n${last}${within}`],
  ['an empty chunk size', within => `\r\n{}\r\n${last}${within}`],
  ['a chunk size that is no number', within => `zz\r\n{}\r\n${last}${within}`],
  ['a chunk that is longer than its size', within => `2\r\n{}XX\r\n${last}${within}`],
  ['a chunk size that ends in a line feed alone', within => `2\n{}\r\n${last}${within}`],
  ['a chunk that ends in a line feed alone', within => `2\r\n{}\n${last}${within}`],
  ['a chunk extension with a line feed inside', within => `2;x\nx\r\n{}\r\n${last}${within}`],
  ['a chunk extension with a carriage return inside', within => `2;x\rx\r\n{}\r\n${last}${within}`],
  ['a chunk extension of 100,000 characters', within => `2;${'x'.repeat(100_000)}\r\n{}\r\n${last}${within}`],
  [
    'a trailer of 100,000 characters',
    within => `${chunk('{}')}0\r\nx: ${'x'.repeat(100_000)}\r\n\r\n${within}`,
  ],
  ['a trailer with a bare line feed', within => `${chunk('{}')}0\r\nx: y\nz: a\r\n\r\n${within}`],
]

// Kept alive: on a connection that is to be closed nothing hidden would ever be read.
const END = '\r\n'

const bodies: readonly Attack[] = [
  ...lengths.map(([name, fields]) =>
    framed(`a request has ${name}`, (head, within) => `${head}${fields}${END}{}${within}`),
  ),
  ...codings.map(([name, fields]) =>
    framed(`a request has ${name}`, (head, within) => `${head}${fields}${END}${chunk('{}')}${last}${within}`),
  ),
  ...chunks.map(([name, body]) =>
    framed(
      `a body has ${name}`,
      (head, within) => `${head}Transfer-Encoding: chunked\r\n${END}${body(within)}`,
    ),
  ),
  framed(
    'two good requests follow one another, and are both answered: so would be what is hidden',
    (head, within) => `${head}Content-Length: 2\r\n${END}{}${within}`,
    { wants: 'both' },
  ),
  framed(
    'a GET has a body that is a request',
    (_, within) =>
      `GET /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${within.length}\r\n${END}${within}`,
  ),
  framed(
    'a request of HTTP/1.0 is chunked',
    (head, within) =>
      `${head.replace('HTTP/1.1', 'HTTP/1.0')}Transfer-Encoding: chunked\r\nContent-Length: 2\r\n${END}${chunk('{}')}${last}${within}`,
  ),
]

const line = (text: string) => (head: string, within: string) =>
  `${text}\r\n${head.slice(head.indexOf('\r\n') + 2)}Content-Length: 2\r\n${END}{}${within}`
const field = (text: string) => (head: string, within: string) =>
  `${head}${text}Content-Length: 2\r\n${END}{}${within}`

const heads: readonly Attack[] = [
  framed('a field is folded', field('X-A: b\r\n c\r\n')),
  framed('a field has a NUL in its value', field('X-A: b\u0000c\r\n')),
  framed('a field has a NUL in its name', field('X-\u0000A: b\r\n')),
  framed('a field has a space in its name', field('X A: b\r\n')),
  framed('a field has no name', field(': b\r\n')),
  framed('a line of the header has no colon', field('nothing\r\n')),
  framed('a field has a control character in its value', field('X-A: \u0001\u0002\r\n')),
  framed('a field has brackets in its name', field('X(A): b\r\n')),
  framed(
    'the first field begins with a space',
    (head, within) => `${head.replace('\r\nHost', '\r\n Host')}Content-Length: 2\r\n${END}{}${within}`,
  ),
  framed(
    'the header ends in line feeds alone',
    (head, within) => `${`${head}Content-Length: 2\r\n${END}`.replaceAll('\r\n', '\n')}{}${within}`,
  ),
  framed(
    'the header ends in carriage returns alone',
    (head, within) => `${`${head}Content-Length: 2\r\n${END}`.replaceAll('\r\n', '\r')}{}${within}`,
  ),
  framed(
    'there is no Host',
    (head, within) => `${head.replace('Host: localhost\r\n', '')}Content-Length: 2\r\n${END}{}${within}`,
    { wants: 'itself' },
  ),
  ...['HTTP/1.2', 'HTTP/3.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.1 HTTP/1.1', 'HTTP/1', 'HTTP/11', ''].map(
    version => framed(`the version is ${JSON.stringify(version)}`, line(`POST ${PATH} ${version}`)),
  ),
  framed('the request line has two spaces, which can only be read as one', line(`POST  ${PATH} HTTP/1.1`), {
    wants: 'both',
  }),
  framed('the request line has tabs', line(`POST\t${PATH}\tHTTP/1.1`)),
  framed('the target has a line feed', line(`POST ${PATH}\n HTTP/1.1`)),
  framed('the target has a NUL', line(`POST ${PATH}\u0000 HTTP/1.1`)),
  ...['TRACE', 'PROPFIND', 'DELETE', 'OPTIONS', 'PUT'].map(method =>
    framed(`the method is ${method}`, line(`${method} ${PATH} HTTP/1.1`), { wants: 'itself' }),
  ),
  ...['CONNECT', 'post', 'P\u00d6ST', 'PRI', 'POST\u0000', 'X'.repeat(5_000)].map(method =>
    framed(`the method is ${JSON.stringify(method.slice(0, 20))}`, line(`${method} ${PATH} HTTP/1.1`)),
  ),
  framed('there is no target', line('POST HTTP/1.1')),
  framed('the expectation is another than 100-continue', field('Expect: 200-maybe\r\n'), { wants: 'itself' }),
]

/** Bytes that are no HTTP at all. */
const strange: readonly Attack[] = [
  ['a TLS handshake', Buffer.from(`160301020001fc0303${'ab'.repeat(300)}`, 'hex')],
  ['the greeting of an SSH client', Buffer.from('SSH-2.0-OpenSSH_9.9\r\n')],
  ['a kibibyte of zeros', Buffer.alloc(1_024)],
  ['a kibibyte of line ends', Buffer.from('\r\n'.repeat(512))],
  ['a kibibyte of 0xff', Buffer.alloc(1_024, 0xff)],
  ['half the preface of HTTP/2', Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')],
  ['a Redis command', Buffer.from('*1\r\n$4\r\nINFO\r\n')],
  [
    'a PROXY line',
    Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 1 1\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  ],
].map(
  ([name, bytes]): Attack => ({
    topic: TOPIC,
    name: `${name} is sent to the port`,
    run: async ({ open, guarded }: Stage) => {
      const found = await Promise.all(
        [open, guarded].map(({ wire }) => wire.bytes([bytes ?? ''], { limitMs: 2_000 })),
      )
      return found.flatMap(({ answers }) =>
        answers.flatMap(answer => [
          ...insidesIn(answer),
          ...(answer.status < 300 ? [`it was answered ${answer.status}`] : []),
        ]),
      )
    },
  }),
)

/** All of them. */
export const framingAttacks: readonly Attack[] = [...bodies, ...heads, ...strange]
