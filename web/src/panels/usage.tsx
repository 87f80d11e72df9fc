// What was used, by day and model: as stacked bars, and as a table that says the same in numbers.
import { useComputed, useSignal, useSignalEffect } from '@preact/signals'
import { UsageDimension, type UsageRow } from '#gen/exai/v1/usage_report_pb'
import { Chart, type Series } from '../chart.tsx'
import { type Failure, failureOf } from '../failure.ts'
import { now } from '../feed.ts'
import { count, money, percent, short, timestamp } from '../format.ts'
import { client, noteFailure } from '../session.ts'
import { Empty, Failed, Waiting } from '../states.tsx'
import { SERIES_COLOURS } from '../theme.ts'

const DAY_MS = 86_400_000
const ROWS_PAGE = 500
const PAGES_MAX = 20
const OTHERS = 'all others'

interface Report {
  readonly rows: readonly UsageRow[]
  readonly total: UsageRow | undefined
  readonly days: readonly string[]
  readonly isCut: boolean
}

const measures = {
  money: { title: 'Money', of: (row: UsageRow) => Number(row.costNanoUsd), format: money },
  tokens: {
    title: 'Tokens',
    of: (row: UsageRow) => Number(row.inputTokens + row.outputTokens),
    format: short,
  },
  calls: { title: 'Calls', of: (row: UsageRow) => Number(row.requestCount), format: short },
} as const

type Measure = keyof typeof measures

/** The usage. */
export function Usage() {
  const span = useSignal(30)
  const measure = useSignal<Measure>('money')
  const report = useSignal<Report | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)
  useSignalEffect(() => {
    const days = span.value
    load(days).then(
      loaded => {
        if (span.peek() !== days) return
        report.value = loaded
        failure.value = undefined
      },
      (thrown: unknown) => {
        failure.value = failureOf(thrown)
        noteFailure(failure.value)
      },
    )
  })
  const models = useComputed(() => sumsBy(report.value?.rows ?? [], modelOf))
  const told = report.value
  return (
    <>
      <div class="filters">
        <fieldset class="choice">
          <legend class="unseen">How long</legend>
          {[7, 30, 90].map(days => (
            <button
              key={days}
              type="button"
              aria-pressed={span.value === days}
              onClick={() => {
                span.value = days
              }}
            >
              {days} days
            </button>
          ))}
        </fieldset>
        <fieldset class="choice">
          <legend class="unseen">What</legend>
          {(Object.keys(measures) as Measure[]).map(name => (
            <button
              key={name}
              type="button"
              aria-pressed={measure.value === name}
              onClick={() => {
                measure.value = name
              }}
            >
              {measures[name].title}
            </button>
          ))}
        </fieldset>
      </div>
      {failure.value !== undefined && <Failed failure={failure.value} what="The usage could not be read" />}
      {told === undefined && failure.value === undefined && <Waiting what="Adding it up" />}
      {told !== undefined && told.rows.length === 0 && <Empty>Nothing was used in these days.</Empty>}
      {told !== undefined && told.rows.length > 0 && (
        <>
          <Bars report={told} models={models.value} measure={measure.value} />
          {told.isCut && (
            <p class="hint">There is more than this page adds up: the oldest days may be incomplete.</p>
          )}
          <Models sums={models.value} total={told.total} />
          <Days report={told} />
        </>
      )}
    </>
  )
}

async function load(span: number): Promise<Report> {
  const today = now.peek() - (now.peek() % DAY_MS)
  const first = today - (span - 1) * DAY_MS
  const rows: UsageRow[] = []
  let pageToken = ''
  let total: UsageRow | undefined
  // The end stays the same from page to page.
  const endTime = timestamp(today + DAY_MS)
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer = await client.monitoring.getUsage({
      groupBy: [UsageDimension.DAY, UsageDimension.PROVIDER, UsageDimension.MODEL],
      startTime: timestamp(first),
      endTime,
      pageSize: ROWS_PAGE,
      pageToken,
    })
    rows.push(...answer.rows)
    total = answer.total
    pageToken = answer.nextPageToken
    if (pageToken === '') break
  }
  const days = Array.from({ length: span }, (_, at) =>
    new Date(first + at * DAY_MS).toISOString().slice(0, 10),
  )
  return { rows, total, days, isCut: pageToken !== '' }
}

interface Sum {
  readonly name: string
  readonly calls: bigint
  readonly errors: bigint
  readonly inputTokens: bigint
  readonly outputTokens: bigint
  readonly costNanoUsd: bigint
  readonly unknownCost: bigint
}

function modelOf({ provider, model }: UsageRow): string {
  return model === '' ? provider || 'no model was asked' : `${provider}/${model}`
}

function sumsBy(rows: readonly UsageRow[], nameOf: (row: UsageRow) => string): readonly Sum[] {
  const sums = [...Map.groupBy(rows, nameOf)].map(([name, all]): Sum => {
    const add = (pick: (row: UsageRow) => bigint): bigint => all.reduce((sum, row) => sum + pick(row), 0n)
    return {
      name,
      calls: add(row => row.requestCount),
      errors: add(row => row.errorCount),
      inputTokens: add(row => row.inputTokens),
      outputTokens: add(row => row.outputTokens),
      costNanoUsd: add(row => row.costNanoUsd),
      unknownCost: add(row => row.unknownCostCount),
    }
  })
  return sums.toSorted((a, b) => Number(b.costNanoUsd - a.costNanoUsd) || Number(b.calls - a.calls))
}

interface BarsProps {
  readonly report: Report
  readonly models: readonly Sum[]
  readonly measure: Measure
}

function Bars({ report: { rows, days }, models, measure }: BarsProps) {
  const { title, of, format } = measures[measure]
  const named = models
    .slice(0, models.length > SERIES_COLOURS ? SERIES_COLOURS - 1 : SERIES_COLOURS)
    .map(({ name }) => name)
  const names = models.length > named.length ? [...named, OTHERS] : named
  const nameOf = (row: UsageRow): string => (named.includes(modelOf(row)) ? modelOf(row) : OTHERS)
  const series = names.map((name, index): Series => {
    const own = rows.filter(row => nameOf(row) === name)
    const values = days.map(day => own.filter(row => row.day === day).reduce((sum, row) => sum + of(row), 0))
    return { label: name, colour: `--series-${index + 1}`, values, shape: 'bars' }
  })
  return (
    <section class="card chart-card">
      <h2>{title} by day and model</h2>
      <Chart
        label={`${title} by day and model`}
        times={days.map(day => Date.parse(day) / 1000)}
        series={series}
        format={format}
        summary="sum"
        height={260}
        isStacked
        when={seconds => new Date(seconds * 1000).toISOString().slice(5, 10)}
      />
    </section>
  )
}

function Models({ sums, total }: { readonly sums: readonly Sum[]; readonly total: UsageRow | undefined }) {
  return (
    <Table
      title="By model"
      first="Model"
      sums={sums}
      foot={
        total && {
          name: 'All',
          calls: total.requestCount,
          errors: total.errorCount,
          inputTokens: total.inputTokens,
          outputTokens: total.outputTokens,
          costNanoUsd: total.costNanoUsd,
          unknownCost: total.unknownCostCount,
        }
      }
    />
  )
}

function Days({ report: { rows } }: { readonly report: Report }) {
  const sums = sumsBy(rows, ({ day }) => day).toSorted((a, b) => b.name.localeCompare(a.name))
  return <Table title="By day" first="Day, UTC" sums={sums} />
}

interface TableProps {
  readonly title: string
  readonly first: string
  readonly sums: readonly Sum[]
  readonly foot?: Sum | undefined
}

function Table({ title, first, sums, foot }: TableProps) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <section class="table-scroll" tabIndex={0} aria-label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">{first}</th>
              {['Cost', 'Calls', 'Failed', 'Tokens in', 'Tokens out'].map(name => (
                <th key={name} scope="col" class="figure">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {sums.map(sum => (
              <Row key={sum.name} sum={sum} />
            ))}
          </tbody>
          {foot !== undefined && (
            <tfoot>
              <Row sum={foot} />
            </tfoot>
          )}
        </table>
      </section>
    </section>
  )
}

function Row({
  sum: { name, calls, errors, inputTokens, outputTokens, costNanoUsd, unknownCost },
}: {
  readonly sum: Sum
}) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td
        class="figure"
        title={unknownCost > 0n ? `${count(unknownCost)} calls have no known price` : undefined}
      >
        {unknownCost > 0n && costNanoUsd === 0n
          ? 'unknown'
          : `${money(costNanoUsd)}${unknownCost > 0n ? ' + ?' : ''}`}
      </td>
      <td class="figure">{count(calls)}</td>
      <td class="figure">{calls === 0n ? '' : percent(Number(errors) / Number(calls))}</td>
      <td class="figure">{count(inputTokens)}</td>
      <td class="figure">{count(outputTokens)}</td>
    </tr>
  )
}
