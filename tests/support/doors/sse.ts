// JSON over HTTP as the doors under /v1 and /mcp speak it: a body is posted, and an answer or its events are read.

/** One event, or a comment. */
export type Event = { readonly name: string; readonly data: string; readonly isComment: boolean }

/** An answer that came: its JSON, or the events that it streams. */
export type Reply = {
  readonly status: number
  readonly json: unknown
  /** What the header says of coming back, in milliseconds. */
  readonly retryMs: number | undefined
  readonly events: AsyncIterable<Event> | undefined
}

/** Posts a body. Rejects when the signal is aborted. */
export async function postBody(
  url: string,
  body: unknown,
  {
    headers,
    signal,
  }: { readonly headers: Readonly<Record<string, string>>; readonly signal?: AbortSignal | undefined },
): Promise<Reply> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  })
  const { status } = response
  const retryAfter = response.headers.get('retry-after-ms')
  const retryMs = retryAfter === null ? undefined : Number(retryAfter)
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  if (isStream && response.body !== null)
    return { status, retryMs, json: undefined, events: eventsIn(response.body) }
  return { status, retryMs, json: await response.json(), events: undefined }
}

/** Gets JSON. */
export async function getJson(url: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
  return (await fetch(url, { headers })).json()
}

async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<Event> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true })
    const frames = rest.split('\n\n')
    rest = frames.pop() ?? ''
    for (const frame of frames) yield eventOf(frame)
  }
  if (rest !== '') throw new Error(`the stream ended in the middle of ${JSON.stringify(rest)}`)
}

function eventOf(frame: string): Event {
  const lines = frame.split('\n')
  const after = (field: string): string =>
    lines
      .filter(line => line.startsWith(`${field}: `))
      .map(line => line.slice(field.length + 2))
      .join('\n')
  return { name: after('event'), data: after('data'), isComment: lines.every(line => line.startsWith(':')) }
}
