// The texts of PDF files, written by hand: what is in them comes out, in the order and the spelling in which it is read.
import { afterAll, describe, expect, test } from 'vitest'
import { createPdfText } from '../../../src/files/pdf-text.ts'
import {
  codedFont,
  FIRST_EXTRA,
  type PdfParts,
  page,
  pdf,
  pdfChunks,
  shown,
  streamObject,
} from '../../support/pdf.ts'
import { keepingLog } from '../../support/store-rig.ts'

const extract = createPdfText({ log: keepingLog() })
afterAll(() => extract.close())
const never = new AbortController().signal
const textOf = (bytes: Uint8Array) => extract.text(pdfChunks(bytes), 'application/pdf', never)

const ALPHABET = [
  '中',
  '文',
  'か',
  '한',
  'ﬁ',
  'ffl',
  'e',
  '\u0301',
  'ם',
  'ו',
  'ל',
  'ש',
  '😀',
  'a',
  '\u0000',
  '\ud800',
]
const font = codedFont(FIRST_EXTRA, ALPHABET)
const coded: PdfParts = { fonts: { C: font.reference }, extra: font.objects }
const write = (...entries: readonly string[]) =>
  pdf([shown('C', [{ at: '72 700', codes: font.codes(...entries) }])], coded)

test('PDF is what is read, and nothing else', () => {
  const types = ['application/pdf', 'application/x-pdf', 'application/postscript', 'image/png']
  expect(types.map(type => extract.reads(type))).toEqual([true, true, false, false])
})

describe('the text of a PDF', () => {
  test('has its lines below each other, and an empty line between two pages', async () => {
    const bytes = pdf([page('one (1)', 'back\\slash'), page('two'), page('three')])
    expect(await textOf(bytes)).toBe('one (1)\nback\\slash\n\ntwo\n\nthree')
  })

  test('has nothing of a page without text', async () => {
    expect(await textOf(pdf([page('one'), { content: '0 0 9 9 re f' }, page('three')]))).toBe('one\n\nthree')
  })

  test('has the characters of WinAnsiEncoding', async () => {
    expect(await textOf(pdf([page('caf\xe9 \x80 5 \x93so\x94')]))).toBe('café € 5 “so”')
  })

  test('has what a table of the font says of its codes: Chinese, Japanese, Korean, and pairs of UTF-16', async () => {
    expect(await textOf(write('中', '文', 'か', '한', '😀'))).toBe('中文か한😀')
  })

  test('has letters in the place of ligatures', async () => {
    expect(await textOf(write('ﬁ', 'a', 'ffl'))).toBe('fiaffl')
  })

  test('has composed characters (NFC), no U+0000, and no half of a pair', async () => {
    expect(await textOf(write('a', 'e', '\u0301', '\u0000', 'a'))).toBe('aéa')
    expect((await textOf(write('a', '\ud800', 'a')))?.isWellFormed()).toBe(true)
  })

  test('that is drawn from the right to the left stands in the order in which it is read', async () => {
    expect(await textOf(write('ם', 'ו', 'ל', 'ש'))).toBe('שלום')
  })

  test('in columns follows the file, one column after the other', async () => {
    const column = (x: number, name: string) =>
      `BT /F1 12 Tf 14 TL ${x} 700 Td (${name} one) Tj T* (${name} two) Tj ET `
    const content = column(72, 'left') + column(320, 'right')
    expect(await textOf(pdf([{ content }]))).toBe('left one\nleft two\nright one\nright two')
  })

  test('is in its forms, too', async () => {
    const form = streamObject(
      'BT /F1 12 Tf 72 700 Td (in a form) Tj ET',
      undefined,
      '/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources 3 0 R',
    )
    const resources = `/XObject << /X ${FIRST_EXTRA} 0 R >>`
    expect(await textOf(pdf([{ content: '/X Do' }], { extra: [form], resources }))).toBe('in a form')
  })

  test('is read where anybody may open the file, though it is encrypted', async () => {
    expect(await textOf(pdf([page('for everybody')], { userPassword: '' }))).toBe('for everybody')
  })

  test('is read where something stands before the file, as mail leaves it', async () => {
    const bytes = Buffer.concat([Buffer.from('X-Mail: 1\r\n\r\n'), pdf([page('behind it')])])
    expect(await textOf(bytes)).toBe('behind it')
  })

  test('is read where the table of objects is wrong', async () => {
    const bytes = Buffer.from(pdf([page('found again')]))
    const at = bytes.lastIndexOf('startxref')
    bytes.write('startxref\n7\n', at, 'latin1')
    expect(await textOf(bytes)).toBe('found again')
  })

  test('says where a page is broken, and has the others', async () => {
    // Object 7 is the content of the second page.
    const whole = Buffer.from(pdf([page('one'), page('two'), page('three')])).toString('latin1')
    expect(whole).toContain('\n7 0 obj')
    const broken = Buffer.from(whole.replace('\n7 0 obj', '\n7 0 obx'), 'latin1')
    expect(await textOf(broken)).toBe('one\n\n[page 2 cannot be read]\n\nthree')
  })

  test('is empty where there are only pictures', async () => {
    const picture = 'q 100 0 0 100 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \x00 EI Q'
    expect(await textOf(pdf([{ content: picture }, { content: picture }]))).toBe('')
  })
})
