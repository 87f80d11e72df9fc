// A list of any length of which only what can be seen is in the document: arrow keys walk it, Enter opens a row.
// biome-ignore-all lint/a11y/noStaticElementInteractions: the roles come from ROLES, which the linter does not read.
// biome-ignore-all lint/a11y/useAriaPropsSupportedByRole: the roles come from ROLES, which the linter does not read.
// biome-ignore-all lint/a11y/useAriaActivedescendantWithTabindex: the roles come from ROLES, which the linter does not read.
import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** What a list shows. */
export interface VirtualListProps<T> {
  readonly id: string
  readonly label: string
  readonly rows: readonly T[]
  readonly rowHeight: number
  /** What tells a row from all others, as long as it is shown. */
  readonly keyOf: (row: T) => string
  /** The cells of a row. */
  readonly render: (row: T) => ComponentChildren
  /** The cells of the header. */
  readonly header: ComponentChildren
  /** The key of the row that is open. */
  readonly selected?: string
  readonly onOpen?: (row: T) => void
  /** Told when the end is near: more may be loaded. */
  readonly onEnd?: () => void
  /** What stands in place of the rows when there are none. */
  readonly empty: ComponentChildren
}

const OVERSCAN = 6
// A table of its own would have all of its rows in the document; the roles say what the boxes are.
const ROLES = {
  grid: { role: 'grid', tabIndex: 0 },
  group: { role: 'rowgroup' },
  row: { role: 'row' },
  cell: { role: 'gridcell' },
  header: { role: 'columnheader' },
} as const

interface CellProps {
  readonly class?: string
  readonly title?: string
  readonly children: ComponentChildren
}

/** A cell of a row. */
export function Cell(props: CellProps) {
  return <div {...ROLES.cell} {...props} />
}

/** A cell of the header. */
export function HeaderCell(props: CellProps) {
  return <div {...ROLES.header} {...props} />
}

// The header stands inside, above the rows that pass below it.
const HEADER_HEIGHT = 32

/** Shows the rows that can be seen. */
export function VirtualList<T>(props: VirtualListProps<T>) {
  const { id, label, rows, rowHeight, keyOf, render, header, selected, onOpen, onEnd, empty } = props
  const scroller = useRef<HTMLDivElement>(null)
  const top = useSignal(0)
  const height = useSignal(600)
  const active = useSignal<string | undefined>(undefined)

  useEffect(() => {
    const element = scroller.current
    if (element === null) return undefined
    const sizes = new ResizeObserver(() => {
      height.value = element.clientHeight - HEADER_HEIGHT
    })
    sizes.observe(element)
    return () => sizes.disconnect()
  }, [height])

  const first = Math.max(0, Math.floor(top.value / rowHeight) - OVERSCAN)
  const last = Math.min(rows.length, Math.ceil((top.value + height.value) / rowHeight) + OVERSCAN)
  const isNearEnd = last >= rows.length - OVERSCAN
  useEffect(() => {
    if (isNearEnd && rows.length > 0) onEnd?.()
  }, [isNearEnd, rows.length, onEnd])

  const current = active.value ?? selected
  const activeIndex = current === undefined ? -1 : rows.findIndex(row => keyOf(row) === current)
  const moveTo = (wanted: number): void => {
    const index = Math.max(0, Math.min(rows.length - 1, wanted))
    const row = rows[index]
    const element = scroller.current
    if (row === undefined || element === null) return
    active.value = keyOf(row)
    const [from, to] = [index * rowHeight, (index + 1) * rowHeight]
    if (from < element.scrollTop) element.scrollTop = from
    else if (to > element.scrollTop + height.value) element.scrollTop = to - height.value
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(height.value / rowHeight) - 1)
    const targets: Readonly<Record<string, number>> = {
      ArrowDown: activeIndex + 1,
      ArrowUp: activeIndex - 1,
      PageDown: activeIndex + page,
      PageUp: activeIndex - page,
      Home: 0,
      End: rows.length - 1,
    }
    const target = targets[event.key]
    const row = rows[activeIndex]
    if (target !== undefined) moveTo(target)
    else if (event.key === 'Enter' && row !== undefined) onOpen?.(row)
    else return
    event.preventDefault()
  }
  return (
    <div
      ref={scroller}
      class="grid-list"
      {...ROLES.grid}
      aria-label={`${label}: arrow keys walk, Enter opens`}
      aria-rowcount={rows.length + 1}
      aria-activedescendant={activeIndex >= first && activeIndex < last ? `${id}-${activeIndex}` : undefined}
      onScroll={event => {
        top.value = event.currentTarget.scrollTop
      }}
      onKeyDown={onKeyDown}
    >
      <div
        {...ROLES.row}
        class="grid-row grid-header"
        aria-rowindex={1}
        style={{ height: `${HEADER_HEIGHT}px` }}
      >
        {header}
      </div>
      {rows.length === 0 ? (
        <div {...ROLES.row} class="grid-empty">
          <Cell>{empty}</Cell>
        </div>
      ) : (
        <div {...ROLES.group} class="grid-all" style={{ height: `${rows.length * rowHeight}px` }}>
          {rows.slice(first, last).map((row, offset) => {
            const index = first + offset
            const key = keyOf(row)
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are heard by the grid around it, which has the focus.
              <div
                key={key}
                id={`${id}-${index}`}
                {...ROLES.row}
                aria-rowindex={index + 2}
                aria-selected={key === selected}
                class={`grid-row${key === selected ? ' selected' : ''}${index === activeIndex ? ' active' : ''}`}
                style={{ transform: `translateY(${index * rowHeight}px)`, height: `${rowHeight}px` }}
                onClick={() => {
                  active.value = key
                  onOpen?.(row)
                }}
              >
                {render(row)}
              </div>
            )
          })}
        </div>
      )}
    </div>
  )
}
