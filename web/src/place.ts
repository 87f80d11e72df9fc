// Where the reader is: the panel and what is open in it, kept in the address so that it can be linked to.
import { signal } from '@preact/signals'

/** The panels, in the order of the navigation. */
export const panels = ['overview', 'providers', 'requests', 'events', 'playground', 'usage'] as const

/** One of the panels. */
export type Panel = (typeof panels)[number]

/** The panel and, in the list of requests, the call that is open. */
export interface Place {
  readonly panel: Panel
  readonly id: string
}

/** Where the reader is. */
export const place = signal<Place>(read())

/** The address of a panel, or of something in it. */
export function addressOf(panel: Panel, id = ''): string {
  return id === '' ? `#/${panel}` : `#/${panel}/${encodeURIComponent(id)}`
}

/** Goes somewhere. */
export function go(panel: Panel, id = ''): void {
  location.hash = addressOf(panel, id)
}

/** Follows the address from now on. */
export function followAddress(): void {
  window.addEventListener('hashchange', () => {
    place.value = read()
  })
}

function read(): Place {
  const [, name = '', id = ''] = location.hash.split('/')
  const panel = panels.find(known => known === name) ?? 'overview'
  return { panel, id: decode(id) }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // Somebody wrote a lone per cent sign.
  }
}
