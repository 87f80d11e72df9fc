// A place to try models: choose one, give it instructions, tools and files, and see what it answers and what that costs.
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { File as StoredFile } from '#gen/exai/v1/file_pb'
import type { Model } from '#gen/exai/v1/model_pb'
import { type Failure, failureOf } from '../failure.ts'
import { bytes } from '../format.ts'
import { client, may, noteFailure } from '../session.ts'
import { Empty, Failed } from '../states.tsx'
import {
  clearTalk,
  FILE_BYTES_MAX,
  isAnswering,
  say,
  stopAnswer,
  toolsOf,
  turns,
  type Wish,
} from '../talk.ts'
import { AnswerTurn } from './answer.tsx'

const DAY_SECONDS = 86_400n
const TOOLS_EXAMPLE =
  '[{"name":"weather","description":"Tells the weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]'

/** The playground. */
export function Playground() {
  const models = useSignal<readonly Model[] | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)
  const model = useSignal('auto')
  const system = useSignal('')
  const tools = useSignal('')
  useEffect(() => {
    client.chat.listModels({}).then(
      answer => {
        models.value = answer.models.filter(
          each => each.outputModalities.length === 0 || each.outputModalities.includes('text'),
        )
      },
      (thrown: unknown) => {
        failure.value = failureOf(thrown)
        noteFailure(failure.value)
      },
    )
  }, [models, failure])
  const toolsFault = faultOf(tools.value)
  const wish = (): Wish => ({ model: model.value, system: system.value, tools: toolsOf(tools.value) })
  return (
    <div class="playground">
      <section class="card settings" aria-label="How to ask">
        <label for="model">Model</label>
        <select
          id="model"
          value={model.value}
          onChange={event => {
            model.value = event.currentTarget.value
          }}
        >
          <option value="auto">auto: the gateway chooses</option>
          {groupsOf(models.value ?? []).map(([provider, all]) => (
            <optgroup key={provider} label={provider}>
              {all.map(each => (
                <option
                  key={each.id}
                  value={`${provider}/${each.id}`}
                  disabled={each.unroutableReason !== ''}
                >
                  {each.id}
                  {each.unroutableReason !== '' && ` (${each.unroutableReason})`}
                </option>
              ))}
            </optgroup>
          ))}
        </select>
        {failure.value !== undefined && (
          <Failed failure={failure.value} what="The models could not be listed" />
        )}
        <details>
          <summary>Instructions and tools</summary>
          <label for="system">Instructions (system prompt)</label>
          <textarea
            id="system"
            rows={4}
            value={system.value}
            onInput={event => {
              system.value = event.currentTarget.value
            }}
          />
          <label for="tools">Tools as JSON</label>
          <textarea
            id="tools"
            rows={6}
            class="code"
            spellcheck={false}
            placeholder={TOOLS_EXAMPLE}
            aria-invalid={toolsFault !== ''}
            aria-describedby="tools-fault"
            value={tools.value}
            onInput={event => {
              tools.value = event.currentTarget.value
            }}
          />
          <p id="tools-fault" class="fault" role="status">
            {toolsFault}
          </p>
        </details>
        <button type="button" onClick={clearTalk} disabled={turns.value.length === 0}>
          New chat
        </button>
      </section>
      <section class="card talk" aria-label="Chat">
        <Turns wish={wish} />
        <Composer wish={wish} isReady={toolsFault === ''} />
      </section>
    </div>
  )
}

function faultOf(tools: string): string {
  try {
    toolsOf(tools)
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : 'this is not JSON'
  }
}

function groupsOf(models: readonly Model[]): readonly (readonly [string, readonly Model[]])[] {
  return [...Map.groupBy(models, ({ provider }) => provider)]
}

// As long as its reader is at the end, what is new is kept in sight.
function Turns({ wish }: { readonly wish: () => Wish }) {
  const scroller = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  const said = turns.value
  useEffect(() => {
    const element = scroller.current
    if (element !== null && isAtEnd.current) element.scrollTop = element.scrollHeight
  }, [said])
  return (
    <div
      ref={scroller}
      class="turns"
      role="log"
      aria-label="What was said"
      aria-busy={isAnswering.value}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40
      }}
    >
      {said.length === 0 && (
        <Empty>Say something below. Nothing of it is kept, beyond the record that there was a call.</Empty>
      )}
      {said.map((turn, index) =>
        turn.who === 'model' ? (
          <AnswerTurn key={index} answer={turn.answer} isLast={index === said.length - 1} wish={wish} />
        ) : (
          <article key={index} class="turn reader">
            <h3>You</h3>
            {turn.files.length > 0 && <p class="hint">{turn.files.join(', ')}</p>}
            <p class="words">{turn.text}</p>
          </article>
        ),
      )}
    </div>
  )
}

function Composer({ wish, isReady }: { readonly wish: () => Wish; readonly isReady: boolean }) {
  const text = useSignal('')
  const files = useSignal<readonly StoredFile[]>([])
  const failure = useSignal<Failure | undefined>(undefined)
  const note = useSignal('')
  const isUploading = useSignal(false)
  const chooser = useRef<HTMLInputElement>(null)
  const canSend =
    isReady &&
    !isAnswering.value &&
    !isUploading.value &&
    (text.value.trim() !== '' || files.value.length > 0)
  const send = (): void => {
    if (!canSend) return
    const [said, attached] = [text.value, files.value]
    text.value = ''
    files.value = []
    void say(said, attached, wish())
  }
  const upload = async (chosen: readonly File[]): Promise<void> => {
    failure.value = undefined
    const small = chosen.filter(({ size }) => size <= FILE_BYTES_MAX)
    note.value =
      small.length === chosen.length
        ? ''
        : 'A browser can upload at most 4 MiB at once: use UploadFile for more.'
    isUploading.value = true
    try {
      for (const file of small) files.value = [...files.value, await store(file)]
    } catch (thrown) {
      failure.value = failureOf(thrown)
      noteFailure(failure.value)
    }
    isUploading.value = false
  }
  return (
    <form
      class="composer"
      onSubmit={event => {
        event.preventDefault()
        send()
      }}
    >
      {failure.value !== undefined && <Failed failure={failure.value} what="The file was not stored" />}
      {note.value !== '' && <p class="fault">{note.value}</p>}
      {files.value.length > 0 && (
        <ul class="plain attached">
          {files.value.map(({ id, filename, sizeBytes }) => (
            <li key={id}>
              {filename} <span class="hint">{bytes(sizeBytes)}</span>{' '}
              <button
                type="button"
                class="quiet"
                aria-label={`Leave out ${filename}`}
                onClick={() => {
                  files.value = files.value.filter(each => each.id !== id)
                }}
              >
                ×
              </button>
            </li>
          ))}
        </ul>
      )}
      <label for="message" class="unseen">
        Message
      </label>
      <textarea
        id="message"
        rows={3}
        placeholder="Message … (Enter sends, Shift+Enter breaks the line)"
        value={text.value}
        onInput={event => {
          text.value = event.currentTarget.value
        }}
        onKeyDown={event => {
          if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
          event.preventDefault()
          send()
        }}
      />
      <div class="composer-buttons">
        <input
          ref={chooser}
          type="file"
          multiple
          class="unseen"
          tabIndex={-1}
          aria-label="Files"
          onChange={event => {
            void upload([...(event.currentTarget.files ?? [])])
            event.currentTarget.value = ''
          }}
        />
        <button
          type="button"
          disabled={!may('files') || isUploading.value}
          title={
            may('files')
              ? 'The gateway deletes them after a day'
              : 'Files need the scope files, which this token does not have'
          }
          onClick={() => chooser.current?.click()}
        >
          {isUploading.value ? 'Uploading …' : 'Attach files'}
        </button>
        <span class="spring" />
        {isAnswering.value ? (
          <button type="button" class="danger" onClick={stopAnswer}>
            Stop
          </button>
        ) : (
          <button type="submit" class="primary" disabled={!canSend}>
            Send
          </button>
        )}
      </div>
    </form>
  )
}

async function store(file: File): Promise<StoredFile> {
  const content = new Uint8Array(await file.arrayBuffer())
  const { file: stored } = await client.files.createFile({
    filename: file.name,
    mimeType: file.type,
    content,
    // What somebody tried out is not to be kept for ever.
    expiration: { case: 'ttl', value: { seconds: DAY_SECONDS } },
  })
  if (stored === undefined) throw new Error('the gateway stored a file and did not name it')
  return stored
}
