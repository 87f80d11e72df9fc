// Tells when a client has left before its answer was whole, on both HTTP versions.
import type { PortResponse } from './port-handler.ts'

/** Calls back when the response ends before it is whole. */
export function whenLeft(res: PortResponse, left: () => void): void {
  const leave = (): void => {
    if (!isWhole(res)) left()
  }
  res.on('close', leave)
  res.on('error', leave)
}

// HTTP/1.1 says 'close' right after 'finish', before whoever waited for that can close the exchange. On HTTP/2 the writable
// side is finished for a stream that was reset, too; there the code of the reset tells.
function isWhole(res: PortResponse): boolean {
  return 'stream' in res ? !res.stream.aborted && res.stream.rstCode === 0 : res.writableFinished
}
