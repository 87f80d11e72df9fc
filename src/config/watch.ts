// Watches the config file: a good change becomes the next Snapshot, and a bad one leaves the old in place and says so.
import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { GatewayError } from '../core/errors.ts'
import type { EventSink } from '../core/gateway-event.ts'
import { whyUnreadable } from './read-file.ts'
import { digestOf, type SnapshotReading } from './reading.ts'
import type { Snapshot } from './snapshot.ts'

/** A config file, and how it is read. */
export interface ConfigSource {
  /** Absolute. */
  readonly path: string
  /** Of the text from which the Snapshot in use was made. */
  readonly digest: string
  /** Makes a Snapshot with this number from a text. */
  readonly read: (text: string, version: number) => Promise<SnapshotReading>
}

/** What a watch is made from. */
export interface ConfigWatchDeps {
  readonly source: ConfigSource
  /** Number of the Snapshot in use. */
  readonly version: number
  /** Puts a Snapshot into use. Throws GatewayError when that cannot be done, and then the old one is still in use. */
  readonly take: (snapshot: Snapshot) => void | Promise<void>
  readonly onEvent: EventSink
  /** How long a changed file must be left alone before it is read, in milliseconds. Default 50. */
  readonly quietMs?: number
  /** Time between two looks at the file where the system tells of no change, in milliseconds. Default 5000. */
  readonly pollMs?: number
}

/** What became of one look at the file. */
export type Look = 'unchanged' | 'taken' | 'refused'

/** A running watch. It keeps no process alive. */
export interface ConfigWatch {
  /** Looks at the file now, and tells again what is wrong with it. */
  reread(): Promise<Look>
  close(): void
}

const QUIET_MS = 50
/** A file that never comes to rest is read all the same. */
const QUIET_MS_MAX = 1000
const POLL_MS = 5000
/** A bad file is looked at once more before it is refused, in milliseconds: it may be half written. */
const SECOND_LOOK_MS = 100

/** Text of a file, or why it could not be read. */
type Found = { readonly text: string } | { readonly unreadable: string }

/** Begins to watch. What has changed since the file was read at the start is found, too. */
export function watchConfig(deps: ConfigWatchDeps): ConfigWatch {
  const { source, quietMs = QUIET_MS, pollMs = POLL_MS } = deps
  let { version } = deps
  let inUse = source.digest
  /** What was refused last, so that it is told once. */
  let refused = ''
  let isClosed = false
  let quiet: NodeJS.Timeout | undefined
  let changedAtMs: number | undefined
  let running: Promise<Look> = Promise.resolve('unchanged')

  /** One look after another; each begins when the one before has ended. */
  function look(how: 'change' | 'again'): Promise<Look> {
    running = running.then(() => lookNow(how, false))
    return running
  }

  async function lookNow(how: 'change' | 'again', isSecond: boolean): Promise<Look> {
    const found = await find(source.path)
    const digest = digestIn(found)
    if (isClosed || digest === inUse) {
      // What was refused has been put back: nothing is wrong any more.
      if (!isClosed && refused !== '') deps.onEvent({ type: 'config.taken', version })
      refused = ''
      return 'unchanged'
    }
    if (digest === refused && how === 'change') return 'unchanged'
    const problems = await tryToTake(found)
    if (isClosed) return 'unchanged'
    if (problems.length === 0) {
      inUse = digest
      refused = ''
      deps.onEvent({ type: 'config.taken', version })
      return 'taken'
    }
    if (!isSecond) {
      await new Promise<void>(resolve => void setTimeout(resolve, SECOND_LOOK_MS).unref())
      return lookNow(how, true)
    }
    refused = digest
    deps.onEvent({ type: 'config.refused', version, problems })
    return 'refused'
  }

  /** What is wrong with it; nothing when it is in use now. */
  async function tryToTake(found: Found): Promise<readonly string[]> {
    if ('unreadable' in found)
      return [
        `EXAI_CONFIG names a file that cannot be read (${found.unreadable}): put it back, or correct its permissions`,
      ]
    // Writing a file anew begins with emptying it: nobody means that.
    if (found.text.trim() === '')
      return [`${basename(source.path)} is empty: write {} for a configuration without anything`]
    try {
      const reading = await source.read(found.text, version + 1)
      if (!reading.ok) return reading.problems
      if (isClosed) return []
      await deps.take(reading.snapshot)
      version += 1
      return []
    } catch (error) {
      // Whatever it is, it is no reason to go down while the old one works.
      return [`${basename(source.path)} cannot be used: ${GatewayError.from(error).message}`]
    }
  }

  function onChange(): void {
    if (isClosed) return
    const nowMs = performance.now()
    changedAtMs ??= nowMs
    clearTimeout(quiet)
    quiet = setTimeout(
      () => {
        changedAtMs = undefined
        void look('change')
      },
      Math.min(quietMs, Math.max(0, changedAtMs + QUIET_MS_MAX - nowMs)),
    ).unref()
  }

  let folder = watchFolder(source.path, onChange)
  async function lookBeside(): Promise<void> {
    if (changedAtMs !== undefined) return
    const digest = digestIn(await find(source.path))
    if (isClosed || digest === inUse || digest === refused) return
    // The system did not tell of it: the folder has been replaced, or lies where there are no such messages.
    folder?.close()
    folder = watchFolder(source.path, onChange)
    onChange()
  }

  const poll = setInterval(() => void lookBeside(), pollMs).unref()
  onChange()

  return {
    reread: () => look('again'),
    close() {
      isClosed = true
      clearTimeout(quiet)
      clearInterval(poll)
      folder?.close()
    },
  }
}

async function find(path: string): Promise<Found> {
  try {
    return { text: await readFile(path, 'utf8') }
  } catch (error) {
    return { unreadable: whyUnreadable(error) }
  }
}

function digestIn(found: Found): string {
  return 'text' in found ? digestOf(found.text) : found.unreadable
}

/**
 * Watches the folder and not the file: editors put a new file in its place, and Kubernetes turns a link named `..data`.
 * Undefined where it cannot be watched; then the regular looks have to do.
 */
function watchFolder(path: string, onChange: () => void): FSWatcher | undefined {
  const name = basename(path)
  try {
    const watcher = watch(dirname(path), { persistent: false }, (_, changed) => {
      if (changed === null || changed === name || changed.startsWith('..')) onChange()
    })
    return watcher.on('error', () => watcher.close())
  } catch {
    return undefined
  }
}
