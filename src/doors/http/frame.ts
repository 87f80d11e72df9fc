// Frames of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).

/** One frame. */
export type Frame =
  | {
      /** Name of the event. Absent: none is sent. */
      readonly event?: string
      /** A text without line breaks as it stands, anything else as JSON. */
      readonly data: unknown
    }
  /** Read by nobody; it keeps connections open. One line. */
  | { readonly comment: string }

/** Nothing happened for a while, and the call is alive. */
export const HEARTBEAT: Frame = { comment: 'heartbeat' }

/** The header of every stream of frames. No cache and no proxy on the way may hold it back. */
export const EVENT_STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx reads it (https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering).
  'x-accel-buffering': 'no',
}

/** A frame as it is sent. */
export function frameText(frame: Frame): string {
  if ('comment' in frame) return `: ${frame.comment}\n\n`
  const data = frameData(frame)
  return frame.event === undefined ? `data: ${data}\n\n` : `event: ${frame.event}\ndata: ${data}\n\n`
}

/** The data of a frame as it is sent; empty for a comment. */
export function frameData(frame: Frame): string {
  if ('comment' in frame) return ''
  return typeof frame.data === 'string' ? frame.data : JSON.stringify(frame.data)
}
