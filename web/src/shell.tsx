// The frame around the panels: navigation, how the connection stands, and what to show before anything is known.
import { useSignalEffect } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { HealthState } from '#gen/exai/v1/status_pb'
import { Connection } from './connection.tsx'
import { startFeed, status } from './feed.ts'
import { Badge, PanelIcon } from './icons.tsx'
import { Events } from './panels/events.tsx'
import { Overview } from './panels/overview.tsx'
import { Playground } from './panels/playground.tsx'
import { Providers } from './panels/providers.tsx'
import { Requests } from './panels/requests.tsx'
import { Usage } from './panels/usage.tsx'
import { addressOf, type Panel, panels, place } from './place.ts'
import { hasToken, may, type Right, session, signOut } from './session.ts'
import { SignIn } from './sign-in.tsx'
import { Failed, Waiting } from './states.tsx'
import { healthWord } from './words.ts'

interface Entry {
  readonly title: string
  readonly needs: Right
  readonly view: ComponentType
}

const entries: Readonly<Record<Panel, Entry>> = {
  overview: { title: 'Overview', needs: 'monitoring', view: Overview },
  providers: { title: 'Providers', needs: 'monitoring', view: Providers },
  requests: { title: 'Requests', needs: 'monitoring', view: Requests },
  events: { title: 'Events', needs: 'monitoring', view: Events },
  playground: { title: 'Playground', needs: 'chat', view: Playground },
  usage: { title: 'Usage', needs: 'monitoring', view: Usage },
}

/** The whole page. */
export function Shell() {
  const { state } = session.value
  useSignalEffect(() => {
    const word = status.value === undefined ? '' : `${healthWord(status.value.state).text} · `
    document.title = `${status.value?.state === HealthState.HEALTHY ? '' : word}exai`
  })
  if (state === 'asking') return <Waiting what="Asking the gateway" />
  if (state === 'signed-out') return <SignIn failure={session.value.failure} />
  if (state === 'unreachable')
    return (
      <main class="lone">
        <h1>exai</h1>
        <Failed failure={session.value.failure} what="The gateway could not be asked" />
        <p class="hint">It is tried again by itself.</p>
      </main>
    )
  return <Frame />
}

function Frame() {
  const { panel } = place.value
  const isMonitor = may('monitoring')
  useEffect(() => (isMonitor ? startFeed() : undefined), [isMonitor])
  return (
    <div class="frame">
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <div class="brand">
          <strong>exai</strong>
          <span class="version">{status.value?.version ?? ''}</span>
        </div>
        {isMonitor && <Connection />}
        {hasToken.value && (
          <button type="button" class="quiet" onClick={() => signOut()}>
            Sign out
          </button>
        )}
      </header>
      <nav class="nav" aria-label="Panels">
        {panels.map(name => (
          <a
            key={name}
            href={addressOf(name)}
            aria-current={name === panel ? 'page' : undefined}
            class="nav-item"
          >
            <PanelIcon panel={name} />
            <span>{entries[name].title}</span>
          </a>
        ))}
      </nav>
      <Content key={panel} panel={panel} />
    </div>
  )
}

function Content({ panel }: { readonly panel: Panel }) {
  const { title, needs, view: View } = entries[panel]
  return (
    <main id="content" class={`content panel-${panel}`} tabIndex={-1}>
      <h1>{title}</h1>
      {may(needs) ? <View /> : <Denied title={title} needs={needs} />}
    </main>
  )
}

function Denied({ title, needs }: { readonly title: string; readonly needs: Right }) {
  const now = session.value
  const rights = now.state === 'open' ? [...now.rights] : []
  return (
    <section class="card note" role="note">
      <Badge tone="warn" text="not allowed" />
      <p>
        {title} needs the scope <code>{needs}</code>, which this token does not have.{' '}
        {rights.length === 0 ? 'It allows nothing on this page.' : `It allows: ${rights.join(', ')}.`}
      </p>
      <p>
        <button type="button" onClick={() => signOut()}>
          Sign in with another token
        </button>
      </p>
    </section>
  )
}
