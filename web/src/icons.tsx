// The signs of the navigation and of the tones, drawn in one stroke each.
import type { Panel } from './place.ts'
import type { Tone } from './words.ts'

const panelPaths: Readonly<Record<Panel, string>> = {
  overview: 'M3 12h4l2.5-7 4 13 2.5-6h5',
  providers: 'M4 5h16v5H4zM4 14h16v5H4zM7.5 7.5h.01M7.5 16.5h.01',
  requests: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  events: 'M5 12a7 7 0 0 1 7-7M5 19a14 14 0 0 1 14-14M19 13a6 6 0 0 0-6 6M19 19h.01',
  playground: 'M4 5h16v11H10l-4 4v-4H4z',
  usage: 'M5 20v-7M10 20V8M15 20v-9M20 20V4',
}

const tonePaths: Readonly<Record<Tone, string>> = {
  ok: 'M6 12.5l4 4 8-9',
  warn: 'M12 5v9M12 18.5v.01',
  bad: 'M7 7l10 10M17 7L7 17',
  idle: 'M7 12h10',
  busy: 'M12 6v6l4 2',
}

function Drawn({
  path,
  size,
  weight,
}: {
  readonly path: string
  readonly size: number
  readonly weight: number
}) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width={weight}
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={path} />
    </svg>
  )
}

/** The sign of a panel. */
export function PanelIcon({ panel }: { readonly panel: Panel }) {
  return <Drawn path={panelPaths[panel]} size={20} weight={1.8} />
}

/** A word with the colour and the sign of its tone: never told by colour alone. */
export function Badge({
  tone,
  text,
  title,
}: {
  readonly tone: Tone
  readonly text: string
  readonly title?: string
}) {
  return (
    <span class={`badge ${tone}`} title={title}>
      <Drawn path={tonePaths[tone]} size={13} weight={3} />
      <span>{text}</span>
    </span>
  )
}
