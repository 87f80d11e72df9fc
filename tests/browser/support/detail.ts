// Reads the detail of a call from the page: where the bars of its attempts lie, and its facts.
import type { Locator } from 'playwright-core'

/** Where the bars of the attempts begin and end, in hundredths of the whole, in order. */
export async function spansOf(
  detail: Locator,
): Promise<readonly { readonly left: number; readonly right: number }[]> {
  const styles = await detail.locator('.bar').evaluateAll(bars => bars.map(bar => bar.getAttribute('style')))
  return styles.map(style => {
    const shareOf = (name: string): number =>
      Number(new RegExp(`${name}: ([\\d.]+)%`).exec(style ?? '')?.[1] ?? Number.NaN)
    const left = shareOf('left')
    return { left, right: left + shareOf('width') }
  })
}

/** What the detail says of a fact; undefined when it does not tell it. */
export async function factOf(detail: Locator, name: string): Promise<string | undefined> {
  const facts = await detail.locator('.fact').allTextContents()
  return facts.find(fact => fact.startsWith(name))?.slice(name.length)
}
