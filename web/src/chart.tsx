// Charts over time, drawn by uPlot: the one file that knows it. The legend above a chart tells the values under the pointer.
import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { colour, isDark } from './theme.ts'

/** One line, area or stacked bar of a chart. */
export interface Series {
  readonly label: string
  /** The property of the style sheet with its colour. */
  readonly colour: string
  readonly values: readonly (number | null)[]
  readonly shape?: 'line' | 'area' | 'bars'
}

/** What a chart shows. */
export interface ChartProps {
  /** What it is about, for those who don't see it. */
  readonly label: string
  /** Seconds since 1970, rising. */
  readonly times: readonly number[]
  readonly series: readonly Series[]
  readonly format: (value: number) => string
  /** What stands in the legend before anybody points: the newest value, or the sum over all. */
  readonly summary?: 'last' | 'sum'
  readonly height?: number
  /** How the time of a point is written. */
  readonly when: (seconds: number) => string
  /** Whether bars stand on one another. */
  readonly isStacked?: boolean
}

const HEIGHT = 132
const AXIS_FONT = '11px system-ui, sans-serif'
// Seconds between the marks of the time: uPlot's own go from one minute to five.
const DAY = 86_400
const X_STEPS = [30, 60, 120, 300, DAY, 2 * DAY, 3 * DAY, 7 * DAY, 14 * DAY, 28 * DAY]
const POINTERS = uPlot.sync('time')

/** Draws a chart with its legend. */
export function Chart(props: ChartProps) {
  const { label, times, series, format, when, summary = 'last', height = HEIGHT } = props
  const holder = useRef<HTMLDivElement>(null)
  const drawn = useRef<uPlot | undefined>(undefined)
  const pointed = useSignal<number | null>(null)
  const shape = `${isDark.value} ${height} ${series.map(each => `${each.label}|${each.colour}|${each.shape}`).join()}`
  const latest = useRef(props)
  latest.current = props
  useEffect(() => {
    const element = holder.current
    if (element === null) return undefined
    const chart = new uPlot(optionsOf(latest, element.clientWidth, pointed), dataOf(latest.current), element)
    drawn.current = chart
    const sizes = new ResizeObserver(() => {
      const width = element.clientWidth
      if (width > 0 && width !== chart.width) chart.setSize({ width, height })
    })
    sizes.observe(element)
    return () => {
      sizes.disconnect()
      chart.destroy()
      drawn.current = undefined
    }
  }, [shape])
  useEffect(() => {
    drawn.current?.setData(dataOf(latest.current))
  }, [times, series])

  const at = pointed.value !== null && pointed.value < times.length ? pointed.value : undefined
  const shownOf = ({ values }: Series): string => {
    const sum = (): number => values.reduce<number>((total, value) => total + (value ?? 0), 0)
    const value = at === undefined ? (summary === 'sum' ? sum() : values.at(-1)) : values[at]
    return value === null || value === undefined ? '–' : format(value)
  }
  return (
    <figure
      class="chart"
      role="img"
      aria-label={`${label}: ${series.map(each => `${each.label} ${shownOf(each)}`).join(', ')}`}
    >
      <figcaption class="legend" aria-hidden="true">
        {series.map(each => (
          <span class="legend-item" key={each.label}>
            <span class="swatch" style={{ background: `var(${each.colour})` }} />
            {each.label} <b>{shownOf(each)}</b>
          </span>
        ))}
        <span class="legend-when">{at === undefined ? '' : when(times[at] ?? 0)}</span>
      </figcaption>
      <div ref={holder} class="canvas" style={{ height: `${height}px` }} aria-hidden="true" />
    </figure>
  )
}

type Latest = { readonly current: ChartProps }

function optionsOf(latest: Latest, width: number, pointed: { value: number | null }): uPlot.Options {
  const { series, height = HEIGHT } = latest.current
  const [ink, line] = [colour('--muted'), colour('--line')]
  const axis = { stroke: ink, font: AXIS_FONT, grid: { stroke: line, width: 1 }, ticks: { show: false } }
  return {
    width: Math.max(width, 50),
    height,
    padding: [8, 24, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 6 },
      sync: { key: POINTERS.key },
    },
    scales: { x: { time: true }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 70,
        incrs: X_STEPS,
        size: 22,
        values: (_, splits) => splits.map(each => latest.current.when(each)),
      },
      {
        ...axis,
        size: 58,
        space: 34,
        values: (_, splits) =>
          splits.map(each =>
            isEmpty(latest.current) && each !== 0 ? '' : tick(latest.current.format(each), each),
          ),
      },
    ],
    series: [{}, ...series.map(seriesOf)],
    hooks: {
      setCursor: [
        chart => {
          const at = chart.cursor.idx ?? null
          if (at !== pointed.value) pointed.value = at
        },
      ],
    },
  }
}

// Without any value there is no scale either.
function isEmpty({ series }: ChartProps): boolean {
  return series.every(({ values }) => values.every(value => value === null || value === 0))
}

// `$0.0080` is a value, `$0.008` a mark on an axis.
function tick(text: string, value: number): string {
  return value === 0 ? '0' : text.replace(/(\.\d*?)0+(?!\d)/, '$1').replace(/\.(?!\d)/, '')
}

function seriesOf({ label, colour: property, shape = 'line' }: Series): uPlot.Series {
  const stroke = colour(property)
  const points = { show: false }
  if (shape === 'bars') {
    return { label, stroke, fill: stroke, width: 0, points, ...(bars === undefined ? {} : { paths: bars }) }
  }
  // A lone point between two gaps has no line: it is drawn as a dot.
  const dots = { show: shape === 'line', size: 3, fill: stroke, filter: lonely }
  return { label, stroke, width: 1.75, points: dots, ...(shape === 'area' ? { fill: `${stroke}26` } : {}) }
}

const bars = uPlot.paths.bars?.({ size: [0.7, 44], align: 0 })

const lonely: uPlot.Series.Points.Filter = (chart, index) => {
  const values = chart.data[index] ?? []
  const found: number[] = []
  values.forEach((value, at) => {
    if (value != null && values[at - 1] == null && values[at + 1] == null) found.push(at)
  })
  return found
}

// Bars that stand on one another are drawn from the tallest sum down, each in front of the one before.
function dataOf({ times, series, isStacked = false }: ChartProps): uPlot.AlignedData {
  const lines = series.map(({ values }) => [...values])
  if (!isStacked) return [[...times], ...lines]
  const sums: (number | null)[][] = []
  let below = times.map(() => 0)
  for (const values of lines.toReversed()) {
    below = below.map((sum, at) => sum + (values[at] ?? 0))
    sums.unshift([...below])
  }
  return [[...times], ...sums]
}
