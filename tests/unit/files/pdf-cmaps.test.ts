// PDF in Chinese, Japanese and Korean whose fonts name an encoding instead of saying which characters they show.
import { afterAll, describe, expect, test } from 'vitest'
import { cmapOf } from '../../../src/files/pdf-cmaps.ts'
import { createPdfText } from '../../../src/files/pdf-text.ts'
import { pdf, pdfChunks, shown } from '../../support/pdf.ts'
import { keepingLog } from '../../support/store-rig.ts'

const log = keepingLog()
const extract = createPdfText({ log })
afterAll(() => extract.close())

/** The text of codes in fonts that are not in the file. */
async function textOf(...lines: readonly (readonly [encoding: string, ordering: string, codes: string])[]) {
  const fonts = lines.map(([encoding, ordering], index) => {
    const system = `<< /Registry (Adobe) /Ordering (${ordering}) /Supplement 2 >>`
    const glyphs = `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Song /CIDSystemInfo ${system} >>`
    return [
      `G${index}`,
      `<< /Type /Font /Subtype /Type0 /BaseFont /Song /Encoding /${encoding} /DescendantFonts [${glyphs}] >>`,
    ]
  })
  const pages = lines.map(([, , codes], index) => shown(`G${index}`, [{ at: '72 700', codes: `<${codes}>` }]))
  const bytes = pdf(pages, { fonts: Object.fromEntries(fonts) })
  return extract.text(pdfChunks(bytes), 'application/pdf', new AbortController().signal)
}

// Codes from the code charts of GB 2312, Big5, JIS X 0208, KS X 1001 and Unicode.
test.each([
  ['GBK-EUC-H', 'GB1', '41d6d0cec4', 'A中文'],
  ['GB-EUC-H', 'GB1', 'd6d0cec4', '中文'],
  ['GBK2K-H', 'GB1', 'd6d0cec4', '中文'],
  ['UniGB-UCS2-H', 'GB1', '00414e2d6587', 'A中文'],
  ['UniGB-UTF16-H', 'GB1', '4e2d6587', '中文'],
  ['ETen-B5-H', 'CNS1', '41a4a4a4e5', 'A中文'],
  ['UniCNS-UTF16-H', 'CNS1', '4e2d6587', '中文'],
  ['90ms-RKSJ-H', 'Japan1', '4193fa967bb1', 'A日本ｱ'],
  ['EUC-H', 'Japan1', 'c6fccbdc', '日本'],
  ['UniJIS-UTF16-H', 'Japan1', '65e5672c3042', '日本あ'],
  ['KSCms-UHC-H', 'Korea1', 'c7d1b1db', '한글'],
  ['KSC-EUC-H', 'Korea1', 'c7d1b1db', '한글'],
  ['UniKS-UCS2-H', 'Korea1', 'd55cae00', '한글'],
])('a font in %s shows its characters', async (encoding, ordering, codes, text) => {
  expect(await textOf([encoding, ordering, codes])).toBe(text)
})

test('several of them stand in one file', async () => {
  const text = await textOf(
    ['GBK-EUC-H', 'GB1', 'd6d0'],
    ['UniGB-UCS2-H', 'GB1', '6587'],
    ['90ms-RKSJ-H', 'Japan1', '93fa'],
  )
  expect(text).toBe('中\n\n文\n\n日')
})

describe('glyph numbers of a collection, of which there is no table,', () => {
  test('are no text', async () => {
    expect(await textOf(['Identity-H', 'GB1', '13951360'])).toBeUndefined()
    expect(log.lines.map(({ fields }) => fields?.['why'])).toEqual(['unknown characters'])
  })

  test('are shown as unknown among what can be read', async () => {
    const text = await textOf(['UniGB-UCS2-H', 'GB1', '4e2d65874e2d6587'], ['Identity-H', 'GB1', '1395'])
    expect(text).toBe('中文中文\n\n\ufffd')
  })
})

test('what is written from top to bottom says so, and unknown names have no table', () => {
  expect(cmapOf('GBK-EUC-V')).toContain('/WMode 1 def')
  expect(cmapOf('GBK-EUC-H')).toContain('/WMode 0 def')
  expect(['GBK-EUC', 'Nothing-H', '../secret', 'Adobe-GB1-2', ''].map(cmapOf)).toEqual(
    Array(5).fill(undefined),
  )
})
