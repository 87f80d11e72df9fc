// One answer of a model: its thoughts folded, its words, its tool calls, what it cost, and what was not done as asked.
import { useSignal } from '@preact/signals'
import { count, money, plural, span } from '../format.ts'
import { Badge } from '../icons.tsx'
import { addressOf } from '../place.ts'
import { may } from '../session.ts'
import { Failed } from '../states.tsx'
import { type Answer, giveResults, type HeardToolCall, isAnswering, type Wish } from '../talk.ts'
import { finishWord, warningWord } from '../words.ts'

interface AnswerProps {
  readonly answer: Answer
  readonly isLast: boolean
  readonly wish: () => Wish
}

/** The answer. */
export function AnswerTurn({ answer, isLast, wish }: AnswerProps) {
  const { state, text, reasoning, toolCalls, warnings, provider, model, failure } = answer
  return (
    <article class="turn model">
      <h3>
        {model === '' ? 'Model' : model}
        {provider !== '' && <span class="hint"> {provider}</span>}
        {state === 'running' && <Badge tone="busy" text={text === '' ? 'waiting' : 'answering'} />}
        {state === 'stopped' && <Badge tone="idle" text="stopped" />}
      </h3>
      {reasoning !== '' && (
        <details class="thoughts">
          <summary>Thoughts</summary>
          <p class="words">{reasoning}</p>
        </details>
      )}
      {text !== '' && <p class="words">{text}</p>}
      {toolCalls.map(call => (
        <div class="tool-call" key={call.callId}>
          <b>{call.name}</b>
          <pre>{pretty(call.arguments)}</pre>
        </div>
      ))}
      {failure !== undefined && <Failed failure={failure} what="No answer" />}
      {warnings.map(({ reason, field, message }) => (
        <p class="hint" key={`${field} ${message}`}>
          <Badge tone="warn" text={warningWord(reason)} /> {field !== '' && <code>{field}</code>} {message}
        </p>
      ))}
      {state !== 'running' && <Facts answer={answer} />}
      {isLast && state === 'done' && toolCalls.length > 0 && <Results calls={toolCalls} wish={wish} />}
    </article>
  )
}

function Facts({ answer }: { readonly answer: Answer }) {
  const { usage, response, firstTokenMs, tookMs, requestId } = answer
  const cost = response?.cost
  const facts = [
    response === undefined ? '' : finishWord(response.finishReason),
    cost === undefined ? '' : cost.known ? money(cost.nanoUsd) : 'price unknown',
    usage === undefined ? '' : `${count(usage.inputTokens)} tokens in, ${count(usage.outputTokens)} out`,
    firstTokenMs === undefined ? '' : `first token ${span(firstTokenMs)}`,
    tookMs === undefined ? '' : `took ${span(tookMs)}`,
    (response?.route?.attempts.length ?? 0) > 1
      ? plural(response?.route?.attempts.length ?? 0, 'attempt')
      : '',
    response?.replayed === true ? 'recorded' : '',
  ]
  return (
    <p class="hint answer-facts">
      {facts.filter(Boolean).join(' · ')}
      {requestId !== '' && may('monitoring') && (
        <>
          {' · '}
          <a href={addressOf('requests', requestId)}>route</a>
        </>
      )}
    </p>
  )
}

function Results({ calls, wish }: { readonly calls: readonly HeardToolCall[]; readonly wish: () => Wish }) {
  const results = useSignal<Readonly<Record<string, string>>>({})
  return (
    <form
      class="results"
      onSubmit={event => {
        event.preventDefault()
        void giveResults(new Map(calls.map(({ callId }) => [callId, results.value[callId] ?? ''])), wish())
      }}
    >
      {calls.map(({ callId, name }) => (
        <label key={callId}>
          What {name} returns
          <textarea
            rows={2}
            required
            value={results.value[callId] ?? ''}
            onInput={event => {
              results.value = { ...results.value, [callId]: event.currentTarget.value }
            }}
          />
        </label>
      ))}
      <button type="submit" disabled={isAnswering.value}>
        Send the results
      </button>
    </form>
  )
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2)
  } catch {
    return json // It is still coming in, or the model wrote something else.
  }
}
