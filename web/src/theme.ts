// The colours of the style sheet for what is painted on a canvas, and the width of the window for what is measured in script.
import { signal } from '@preact/signals'

const dark = matchMedia('(prefers-color-scheme: dark)')
const narrow = matchMedia('(max-width: 720px)')

/** Whether the dark colours are in use. */
export const isDark = signal(dark.matches)
/** Whether there is room for one column only. */
export const isNarrow = signal(narrow.matches)

dark.addEventListener('change', () => {
  isDark.value = dark.matches
})
narrow.addEventListener('change', () => {
  isNarrow.value = narrow.matches
})

/** A colour of the style sheet by the name of its property, such as `--accent`. */
export function colour(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim()
}

/** How many colours there are for things without a meaning of their own: `--series-1` and on. */
export const SERIES_COLOURS = 8
