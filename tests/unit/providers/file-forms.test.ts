// Checks the tables of files: which forms a provider takes of what, up to where, and under which names.
import { describe, expect, it } from 'vitest'
import {
  type FileQuestion,
  fileFormsFor,
  fileRuleFor,
  type fileRules,
  makesText,
  referenceUrl,
} from '../../../src/providers/file-forms.ts'
import { uploadName } from '../../../src/providers/file-name.ts'

type Kind = keyof typeof fileRules

const chat = 'chat/completions'
const ask = (mimeType: string, model: string, over: Partial<FileQuestion> = {}): FileQuestion => ({
  mimeType,
  model,
  endpoint: chat,
  ...over,
})
const names = (kind: Kind, question: FileQuestion) =>
  fileFormsFor(kind, question).map(form => (form.form === 'text' ? `text by ${form.by}` : form.form))

describe('the forms of a file', () => {
  it.each<[Kind, FileQuestion, readonly string[]]>([
    ['openai', ask('application/pdf', 'gpt-5.6-sol'), ['inline', 'uploaded', 'inline', 'text by gateway']],
    [
      'openai',
      ask('application/pdf', 'gpt-5.6-sol', { endpoint: 'responses' }),
      ['url', 'inline', 'uploaded', 'inline', 'text by gateway'],
    ],
    ['openai', ask('application/msword', 'gpt-5.6-sol'), ['text by gateway']],
    [
      'openai',
      ask('application/msword', 'gpt-5.6-sol', { endpoint: 'responses' }),
      ['url', 'inline', 'uploaded', 'inline', 'text by gateway'],
    ],
    ['openai', ask('IMAGE/PNG; x=y', 'gpt-5.6-sol'), ['url', 'inline', 'inline']],
    [
      'openai',
      ask('image/png', 'gpt-5.6-sol', { endpoint: 'responses' }),
      ['url', 'inline', 'uploaded', 'inline'],
    ],
    ['openai', ask('video/mp4', 'gpt-5.6-sol'), []],
    ['openai', ask('audio/wav', 'gpt-5.6-sol'), []],
    ['openai', ask('audio/wav', 'gpt-audio'), ['inline']],
    ['glm', ask('image/jpeg', 'glm-5.3-flash'), ['url', 'inline']],
    ['glm', ask('video/mp4', 'glm-5.3-flash'), ['url']],
    ['glm', ask('application/pdf', 'glm-5.3-flash'), ['url', 'text by gateway']],
    ['glm', ask('application/pdf', 'glm-5.3'), ['text by gateway']],
    ['kimi', ask('image/png', 'kimi-k3'), ['inline', 'uploaded']],
    ['kimi', ask('application/pdf', 'kimi-k3'), ['text by gateway', 'text by provider']],
    ['kimi', ask('text/markdown', 'kimi-k3'), ['text by gateway', 'text by provider']],
    ['kimi', ask('audio/mpeg', 'kimi-k3'), []],
    ['minimax', ask('video/mp4', 'MiniMax-M3'), ['url', 'uploaded', 'inline']],
    ['minimax', ask('video/mp4', 'MiniMax-M2.7'), []],
    ['minimax', ask('application/pdf', 'MiniMax-M3'), ['text by gateway']],
    ['openai-compatible', ask('image/webp', 'llava'), ['inline', 'url']],
    ['openai-compatible', ask('application/pdf', 'llava'), ['inline', 'text by gateway']],
    ['sandbox', ask('image/webp', 'echo'), []],
  ])('of %s for %o are %o', (kind, question, forms) => {
    expect(names(kind, question)).toEqual(forms)
  })

  it('end where a file is too large for them', () => {
    const sized = (sizeBytes: number) => ask('image/png', 'kimi-k3', { sizeBytes })
    expect(names('kimi', sized(1_500_000))).toEqual(['inline', 'uploaded'])
    expect(names('kimi', sized(1_500_001))).toEqual(['uploaded'])
    expect(names('kimi', sized(100_000_001))).toEqual([])
    const glm = (sizeBytes: number) => ask('image/png', 'glm-5.3-flash', { sizeBytes })
    expect(names('glm', glm(4_999_999))).toEqual(['url', 'inline'])
    // The documentation says less than 5 MB; the size behind a URL is for the provider to see.
    expect(names('glm', glm(5_000_000))).toEqual(['url'])
  })

  it('prefer an upload to bytes above 4 MB at OpenAI, and end where a request may hold no more', () => {
    const pdf = (sizeBytes: number) => ask('application/pdf', 'gpt-5.6-sol', { sizeBytes })
    expect(names('openai', pdf(4_000_000))[0]).toBe('inline')
    expect(names('openai', pdf(4_000_001))).toEqual(['uploaded', 'inline', 'text by gateway'])
    expect(names('openai', pdf(37_000_001))).toEqual(['uploaded', 'text by gateway'])
    expect(names('openai', pdf(50_000_001))).toEqual(['text by gateway'])
  })

  it('say of which documents a provider makes a text by itself', () => {
    const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'
    expect(['application/pdf', docx, 'application/epub+zip'].map(type => makesText('kimi', type))).toEqual([
      true,
      true,
      true,
    ])
    expect(makesText('kimi', 'image/png')).toBe(false)
    // On its Responses endpoint.
    expect(makesText('openai', docx)).toBe(true)
    expect(makesText('openai', 'application/pdf')).toBe(false)
  })

  it('keep inside a Kimi request of 2,097,152 bytes when they are inline', () => {
    const [inline] = fileFormsFor('kimi', ask('image/png', 'kimi-k3'))
    expect(Math.ceil((inline?.sizeBytesMax ?? Number.NaN) / 3) * 4).toBeLessThan(2_097_152)
  })

  it('say how many files a request takes, and what cannot stand beside them', () => {
    expect(fileRuleFor('glm', ask('image/png', 'glm-4.6v'))?.countMax).toBe(150)
    expect(fileRuleFor('glm', ask('image/png', 'glm-5.3-flash'))?.countMax).toBe(50)
    expect(fileRuleFor('glm', ask('video/mp4', 'glm-4.5v'))?.countMax).toBe(1)
    const documents = fileRuleFor('glm', ask('application/pdf', 'glm-4.6v'))
    expect(documents).toMatchObject({ countMax: 50, notBeside: ['image/*', 'video/*'] })
  })

  it('name the purpose and the reference of an upload', () => {
    expect(fileFormsFor('minimax', ask('video/mp4', 'MiniMax-M3'))[1]).toMatchObject({
      purpose: 'video_understanding',
      reference: 'mm_file_url',
    })
    expect(referenceUrl('mm_file_url', '316425409073265701')).toBe('mm_file://316425409073265701')
    expect(referenceUrl('ms_url', 'file1')).toBe('ms://file1')
    expect(referenceUrl('file_id', 'file-1')).toBeUndefined()
  })
})

describe('the name of an upload', () => {
  it.each([
    ['report.PDF', 'application/pdf', 'report.PDF'],
    ['report', 'application/pdf; v=1', 'report.pdf'],
    ['v1.2 notes', 'text/plain', 'v1.2 notes.txt'],
    ['../../etc/passwd', 'text/plain', 'passwd.txt'],
    ['C:\\temp\\a.mp4', 'video/mp4', 'a.mp4'],
    ['', 'image/png', 'file.png'],
    ['a\r\nb.txt', 'text/plain', 'a b.txt'],
    ['thing', 'application/x-unknown', 'thing'],
    [`${'x'.repeat(300)}.txt`, 'text/plain', `${'x'.repeat(200)}.txt`],
  ])('%j of type %s is %j', (filename, mimeType, expected) => {
    expect(uploadName(filename, mimeType)).toBe(expected)
  })
})
