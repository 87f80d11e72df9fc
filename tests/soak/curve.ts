// Draws how the memory of a service developed, as an SVG that can be read on a light and on a dark page.
import type { Sample } from './samples.ts'

const WIDTH = 860
const HEIGHT = 320
const LEFT = 56
const RIGHT = 130
const TOP = 34
const BOTTOM = 40
const MIB = 2 ** 20

const LINES = [
  ['resident', 'a', (sample: Sample) => sample.rssBytes],
  ['heap after a collection', 'b', (sample: Sample) => sample.heapBytes],
] as const

/** The picture. `title` stands above it. With fewer than two samples there is no line. */
export function drawCurve(samples: readonly Sample[], title: string): string {
  const most = Math.max(1, ...samples.flatMap(sample => LINES.map(([, , of]) => of(sample) / MIB)))
  const step = stepFor(most)
  const top = Math.ceil(most / step) * step
  const seconds = Math.max(1, samples.at(-1)?.atSeconds ?? 1)
  const x = (at: number): number => LEFT + (at / seconds) * (WIDTH - LEFT - RIGHT)
  const y = (mib: number): number => TOP + (1 - mib / top) * (HEIGHT - TOP - BOTTOM)
  const minutes = stepFor(seconds / 60)
  const grid = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => {
    const mib = index * step
    return `<path class="g" d="M${LEFT} ${at(y(mib))}H${WIDTH - RIGHT}"/><text x="${LEFT - 8}" y="${at(y(mib) + 4)}" text-anchor="end">${mib}</text>`
  })
  const times = Array.from({ length: Math.floor(seconds / 60 / minutes) + 1 }, (_, index) => {
    const minute = index * minutes
    return `<text x="${at(x(minute * 60))}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${round(minute)}</text>`
  })
  const lines = LINES.map(([name, kind, of]) => {
    const points = samples.map(sample => `${at(x(sample.atSeconds))} ${at(y(of(sample) / MIB))}`)
    const last = samples.at(-1)
    const end = last === undefined ? 0 : of(last) / MIB
    return `<path class="${kind}" d="M${points.join('L')}"/><text class="${kind}t" x="${WIDTH - RIGHT + 8}" y="${at(y(end) + 4)}">${name.split(' ')[0]} ${Math.round(end)} MiB</text>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">`,
    `<style>text{font:12px system-ui,sans-serif;fill:#57606a}.h{font-weight:600;fill:#1f2328}.g{stroke:#d0d7de;stroke-width:1}`,
    `.a,.b{fill:none;stroke-width:2;stroke-linejoin:round}.a{stroke:#0969da}.at{fill:#0969da}.b{stroke:#bc4c00}.bt{fill:#bc4c00}`,
    `@media(prefers-color-scheme:dark){text{fill:#9198a1}.h{fill:#f0f6fc}.g{stroke:#3d444d}.a{stroke:#4493f8}.at{fill:#4493f8}.b{stroke:#f0883e}.bt{fill:#f0883e}}</style>`,
    `<text class="h" x="${LEFT}" y="18">${title}</text>`,
    ...grid,
    ...times,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">minutes</text>`,
    `<text x="8" y="${TOP - 8}">MiB</text>`,
    ...lines,
    '</svg>',
    '',
  ].join('\n')
}

/** A round step of which about five fit. */
function stepFor(most: number): number {
  const rough = most / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find(one => one * power >= rough) ?? 10
  return factor * power
}

function at(value: number): string {
  return value.toFixed(1)
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100)
}
