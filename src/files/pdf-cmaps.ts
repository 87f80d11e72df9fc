// Tables for the Chinese, Japanese and Korean encodings that a PDF names without bringing them: Node knows what the codes mean.

/** A named encoding: its glyph collection, how long its codes are, and which decoder of the Encoding Standard knows them. */
interface Encoding {
  readonly ordering: Ordering
  /** The name in the Encoding Standard; utf-16be where a code is the character itself. */
  readonly charset: string
  /** Codes of one byte, and of two: first and last. */
  readonly codes: readonly (readonly [first: number, last: number])[]
}

type Ordering = 'GB1' | 'CNS1' | 'Japan1' | 'Korea1'

const ONE_BYTE = [0x00, 0x80] as const
const UNICODE = [[0x0000, 0xffff]] as const
const SHIFT_JIS = [ONE_BYTE, [0xa0, 0xdf], [0x8140, 0x9ffc], [0xe040, 0xfcfc]] as const

/** The predefined encodings of ISO 32000-1, table 118, without `-H` or `-V`. Codes of four bytes are left out. */
const ENCODINGS: readonly (readonly [name: RegExp, encoding: Encoding])[] = [
  [/^UniGB-(?:UCS2|UTF16)$/, { ordering: 'GB1', charset: 'utf-16be', codes: UNICODE }],
  [/^UniCNS-(?:UCS2|UTF16)$/, { ordering: 'CNS1', charset: 'utf-16be', codes: UNICODE }],
  [/^UniJIS(?:2004)?-(?:UCS2(?:-HW)?|UTF16)$/, { ordering: 'Japan1', charset: 'utf-16be', codes: UNICODE }],
  [/^UniKS-(?:UCS2|UTF16)$/, { ordering: 'Korea1', charset: 'utf-16be', codes: UNICODE }],
  [
    /^(?:GBK-EUC|GBKp-EUC|GBK2K|GB-EUC|GBpc-EUC)$/,
    { ordering: 'GB1', charset: 'gbk', codes: [ONE_BYTE, [0x8140, 0xfefe]] },
  ],
  [
    /^(?:B5pc|HKscs-B5|ETen-B5|ETenms-B5)$/,
    { ordering: 'CNS1', charset: 'big5', codes: [ONE_BYTE, [0x8740, 0xfefe]] },
  ],
  [/^(?:83pv|90ms|90msp|90pv|Add|Ext)-RKSJ$/, { ordering: 'Japan1', charset: 'shift_jis', codes: SHIFT_JIS }],
  [/^EUC$/, { ordering: 'Japan1', charset: 'euc-jp', codes: [ONE_BYTE, [0x8ea0, 0x8edf], [0xa1a1, 0xfefe]] }],
  [
    /^(?:KSC-EUC|KSCms-UHC(?:-HW)?|KSCpc-EUC)$/,
    { ordering: 'Korea1', charset: 'euc-kr', codes: [ONE_BYTE, [0x8141, 0xfefe]] },
  ],
]

/** Characters that have a glyph number here. */
const BLOCKS = [
  [0x0020, 0x06ff],
  [0x2000, 0x33ff],
  [0x4e00, 0x9fff],
  [0xf900, 0xfaff],
  [0xfe30, 0xffef],
] as const
const HANGUL = [0xac00, 0xd7a3] as const

/**
 * The table of a name in the language of PostScript, as pdf.js asks for it; undefined when nothing is known of it. The glyph
 * numbers are not those of Adobe but lie above all of them, so that a font which shows Adobe's numbers themselves, for
 * which there is no table here, has U+FFFD instead of wrong characters.
 */
export function cmapOf(name: string): string | undefined {
  const ordering = /^Adobe-(GB1|CNS1|Japan1|Korea1)-UCS2$/.exec(name)?.[1]
  if (ordering !== undefined) return unicodeTable(rangesOf(ordering))
  const [, base = '', direction] = /^(.+)-([HV])$/.exec(name) ?? []
  const encoding = ENCODINGS.find(([names]) => names.test(base))?.[1]
  if (encoding === undefined) return undefined
  return codeTable(encoding, direction === 'V')
}

interface Range {
  readonly first: number
  readonly last: number
  /** The glyph number of the first. */
  readonly glyph: number
}

/** Glyph numbers up to the last one that there can be. */
function rangesOf(ordering: string): readonly Range[] {
  const blocks = ordering === 'Korea1' ? [...BLOCKS, HANGUL] : BLOCKS
  let glyph = 0x10000 - blocks.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  return blocks.map(([first, last]) => {
    const range = { first, last, glyph }
    glyph += last - first + 1
    return range
  })
}

function unicodeTable(ranges: readonly Range[]): string {
  const rows = ranges.map(
    ({ first, last, glyph }) => `<${hex(glyph, 4)}> <${hex(glyph + last - first, 4)}> <${hex(first, 4)}>`,
  )
  // What has no entry would be taken for the character with the same number.
  const unknown = Array.from({ length: ranges[0]?.glyph ?? 0 }, (_, glyph) => `<${hex(glyph, 4)}> <fffd>`)
  return [
    'begincmap',
    `${rows.length} beginbfrange`,
    ...rows,
    'endbfrange',
    `${unknown.length} beginbfchar`,
    ...unknown,
    'endbfchar',
    'endcmap\n',
  ].join('\n')
}

function codeTable({ ordering, charset, codes }: Encoding, isVertical: boolean): string {
  const ranges = rangesOf(ordering)
  const spaces = codes.map(([first, last]) => `<${code(first, last)}> <${code(last, last)}>`)
  const rows =
    charset === 'utf-16be'
      ? ranges.map(({ first, last, glyph }) => `<${hex(first, 4)}> <${hex(last, 4)}> ${glyph}`)
      : codes.flatMap(([first, last]) => rowsOf(first, last, charset, ranges))
  return [
    'begincmap',
    `/WMode ${isVertical ? 1 : 0} def`,
    `${spaces.length} begincodespacerange`,
    ...spaces,
    'endcodespacerange',
    `${rows.length} begincidrange`,
    ...rows,
    'endcidrange',
    'endcmap\n',
  ].join('\n')
}

function rowsOf(first: number, last: number, charset: string, ranges: readonly Range[]): readonly string[] {
  const decoder = new TextDecoder(charset, { ignoreBOM: true })
  const rows: string[] = []
  for (let value = first; value <= last; value += 1) {
    const bytes = last > 0xff ? [value >> 8, value & 0xff] : [value]
    const text = decoder.decode(Uint8Array.from(bytes))
    const found = text.length === 1 ? glyphOf(text.charCodeAt(0), ranges) : undefined
    if (found !== undefined) rows.push(`<${code(value, last)}> <${code(value, last)}> ${found}`)
  }
  return rows
}

function glyphOf(character: number, ranges: readonly Range[]): number | undefined {
  // What a decoder says of codes that nothing stands for.
  if (character === 0xfffd) return undefined
  const range = ranges.find(({ first, last }) => character >= first && character <= last)
  return range === undefined ? undefined : range.glyph + character - range.first
}

function code(value: number, last: number): string {
  return hex(value, last > 0xff ? 4 : 2)
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
