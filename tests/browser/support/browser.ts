// A browser for the tests: pages that note every complaint and every shift of the layout, and screenshots to look at.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { root, tool } from '../../support/tools.ts'

/** The path of the browser; undefined where there is none, and then one line said so. */
export const chromiumPath = tool('chromium')?.path

/** Starts the browser. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: chromiumPath ?? '', args: ['--no-sandbox'] })

/** The sizes that the page must be good at. */
export const sizes = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const

/** How a page is opened. */
export interface Look {
  readonly size?: keyof typeof sizes
  readonly scheme?: 'light' | 'dark'
}

/** An open page and what it complained about. */
export interface Opened {
  readonly page: Page
  readonly context: BrowserContext
  /** What the console reported as an error or a warning, and what nothing caught. */
  readonly complaints: readonly string[]
  close(): Promise<void>
}

// Kept by the browser from the first frame on; what a reader moved by a click within half a second does not count.
const OBSERVE_SHIFTS = `
  window.layoutShifts = []
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) {
      if (!entry.hadRecentInput) {
        window.layoutShifts.push({
          value: entry.value,
          nodes: entry.sources.map(({ node }) => node === null ? '' : (node.nodeName + '.' + (node.className ?? ''))),
        })
      }
    }
  }).observe({ type: 'layout-shift', buffered: true })
`

/** Opens an address. */
export async function openPage(browser: Browser, url: string, look: Look = {}): Promise<Opened> {
  const { size = 'wide', scheme = 'light' } = look
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: scheme })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', error => void complaints.push(String(error)))
  await page.addInitScript(OBSERVE_SHIFTS)
  await page.goto(url)
  return { page, context, complaints, close: () => context.close() }
}

/** The shifts of the layout so far that no reader caused: how much moved, and what. */
export const shiftsOf = (page: Page): Promise<readonly { value: number; nodes: readonly string[] }[]> =>
  page.evaluate('window.layoutShifts')

/** Forgets the shifts so far, such as those of the first paint. */
export async function forgetShifts(page: Page): Promise<void> {
  await page.evaluate('window.layoutShifts = []')
}

/** Keeps a picture of the page in build/screenshots. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = join(root, 'build/screenshots')
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`) })
}
