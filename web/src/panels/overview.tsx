// The first screen: is it well, how much, how fast, what failed.
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import type { UsageRow } from '#gen/exai/v1/usage_report_pb'
import { nameOf } from '../calls.ts'
import { Chart } from '../chart.tsx'
import { type Failure, failureOf } from '../failure.ts'
import {
  droppedEvents,
  failures,
  history,
  historyVersion,
  isSeeded,
  now,
  seedFailure,
  startOf,
} from '../feed.ts'
import { ago, clock, count, money, percent, plural, rate, short, span, timestamp } from '../format.ts'
import type { Quantiles } from '../history.ts'
import { Badge } from '../icons.tsx'
import { addressOf } from '../place.ts'
import { client } from '../session.ts'
import { Empty, Failed, Waiting } from '../states.tsx'
import { reasonName } from '../words.ts'
import { Health } from './health.tsx'

const TODAY_EVERY_MS = 30_000

/** The overview. */
export function Overview() {
  return (
    <>
      <Health />
      <Numbers />
      <div class="overview-columns">
        <Charts />
        <div class="stack">
          <Failures />
          <Today />
        </div>
      </div>
    </>
  )
}

// Far below 2^53: a day has no nine quadrillion tokens.
const asNumber = (value: bigint): number => Number(value)

function Numbers() {
  void historyVersion.value
  const { calls, failed, seconds, tokens, nanoUsd, latency, firstToken } = history.minute(now.value)
  const failedShare = calls === 0 ? 0 : failed / calls
  return (
    <dl class="numbers" aria-label="The last minute">
      <Figure
        title="Calls a second"
        value={rate(calls / seconds)}
        detail={`${plural(calls, 'call')} in the last minute`}
      />
      <Figure
        title="Failed"
        value={percent(failedShare)}
        detail={`${count(failed)} of ${plural(calls, 'call')}`}
        isBad={failedShare > 0.01}
      />
      <Figure title="First token" value={span(firstToken.p50)} detail={quantileLine(firstToken)} />
      <Figure title="Whole answer" value={span(latency.p50)} detail={quantileLine(latency)} />
      <Figure
        title="Tokens a second"
        value={rate(tokens / seconds)}
        detail={`${short(tokens)} in the last minute`}
      />
      <Figure
        title="Money a minute"
        value={money(nanoUsd)}
        detail={`${money(nanoUsd * 60)} an hour at this rate`}
      />
    </dl>
  )
}

function quantileLine({ p95 }: Quantiles): string {
  return p95 === undefined ? 'none in the last minute' : `median; 95 % within ${span(p95)}`
}

interface FigureProps {
  readonly title: string
  readonly value: string
  readonly detail: string
  readonly isBad?: boolean
}

function Figure({ title, value, detail, isBad = false }: FigureProps) {
  return (
    <div class={`number card${isBad ? ' bad' : ''}`}>
      <dt>{title}</dt>
      <dd class="value">{value}</dd>
      <dd class="detail">{detail}</dd>
    </div>
  )
}

function Charts() {
  void historyVersion.value
  const lines = history.lines(now.value)
  const { times } = lines
  const when = (seconds: number): string => clock(seconds * 1000)
  const failure = seedFailure.value
  return (
    <div class="charts">
      <ChartCard title="Calls a second">
        <Chart
          label="Calls a second in the last five minutes"
          times={times}
          when={when}
          format={rate}
          series={[
            { label: 'answered', colour: '--accent', values: lines.ok, shape: 'area' },
            { label: 'failed', colour: '--bad', values: lines.failed, shape: 'area' },
          ]}
        />
      </ChartCard>
      <ChartCard title="First token">
        <Chart
          label="Time to the first token in the last five minutes"
          times={times}
          when={when}
          format={span}
          series={[
            { label: 'median', colour: '--accent', values: lines.firstP50 },
            { label: '95 %', colour: '--second', values: lines.firstP95 },
          ]}
        />
      </ChartCard>
      <ChartCard title="Whole answer">
        <Chart
          label="Time to the whole answer in the last five minutes"
          times={times}
          when={when}
          format={span}
          series={[
            { label: 'median', colour: '--accent', values: lines.p50 },
            { label: '95 %', colour: '--second', values: lines.p95 },
          ]}
        />
      </ChartCard>
      <ChartCard title="Tokens a second">
        <Chart
          label="Tokens a second in the last five minutes"
          times={times}
          when={when}
          format={rate}
          series={[{ label: 'tokens', colour: '--accent', values: lines.tokens, shape: 'area' }]}
        />
      </ChartCard>
      {failure !== undefined && <Failed failure={failure} what="The calls from before could not be listed" />}
      <p class="hint charts-note">
        The last five minutes, live.
        {droppedEvents.value > 0 && ` ${plural(droppedEvents.value, 'event')} came too fast and are missing.`}
      </p>
    </div>
  )
}

function ChartCard({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <section class="card chart-card">
      <h2>{title}</h2>
      {children}
    </section>
  )
}

function Failures() {
  const calls = failures.value
  return (
    <section class="card failures" aria-label="What failed">
      <h2>What failed</h2>
      {calls === undefined || !isSeeded.value ? (
        <Waiting what="Asking for the calls" />
      ) : calls.length === 0 ? (
        <Empty>No failed call is on record.</Empty>
      ) : (
        <ul class="plain">
          {calls.map((call, index) => (
            // Lines stay where they are and change their text, so that nothing jumps.
            <li key={index}>
              <a class="failure-line" href={addressOf('requests', call.requestId)}>
                <span class="failure-what">{nameOf(call)}</span>
                <span class="hint">{ago(now.value - startOf(call))}</span>
                <Badge tone="bad" text={reasonName(call.error) || 'failed'} />
              </a>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Today() {
  const total = useSignal<UsageRow | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)
  useEffect(() => {
    const load = async (): Promise<void> => {
      try {
        const midnight = now.peek() - (now.peek() % 86_400_000)
        const answer = await client.monitoring.getUsage({ startTime: timestamp(midnight) })
        total.value = answer.total
        failure.value = undefined
      } catch (thrown) {
        failure.value = failureOf(thrown)
      }
    }
    void load()
    const timer = setInterval(() => void load(), TODAY_EVERY_MS)
    return () => clearInterval(timer)
  }, [total, failure])
  const row = total.value
  return (
    <section class="card today" aria-label="Today">
      <h2>Today, UTC</h2>
      {row === undefined && failure.value !== undefined && <Failed failure={failure.value} what="Usage" />}
      <dl class="facts">
        <dt>Spent</dt>
        <dd>{row === undefined ? '–' : money(row.costNanoUsd)}</dd>
        <dt>Calls</dt>
        <dd>{row === undefined ? '–' : count(row.requestCount)}</dd>
        <dt>Failed or cancelled</dt>
        <dd>{row === undefined ? '–' : count(row.errorCount)}</dd>
        <dt>Tokens in / out</dt>
        <dd>
          {row === undefined
            ? '–'
            : `${short(asNumber(row.inputTokens))} / ${short(asNumber(row.outputTokens))}`}
        </dd>
      </dl>
      {row !== undefined && row.unknownCostCount > 0n && (
        <p class="hint">
          {count(row.unknownCostCount)} calls have no known price and are missing in the sum.
        </p>
      )}
    </section>
  )
}
