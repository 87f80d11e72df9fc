// Gives files the names that providers want: they tell the type of a file by the ending of its name, and by nothing else.

const endings: ReadonlyMap<string, string> = new Map([
  ['application/pdf', 'pdf'],
  ['application/msword', 'doc'],
  ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'docx'],
  ['application/vnd.ms-excel', 'xls'],
  ['application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'xlsx'],
  ['application/vnd.ms-powerpoint', 'ppt'],
  ['application/vnd.openxmlformats-officedocument.presentationml.presentation', 'pptx'],
  ['application/epub+zip', 'epub'],
  ['application/x-mobipocket-ebook', 'mobi'],
  ['application/json', 'json'],
  ['application/jsonl', 'jsonl'],
  ['application/zip', 'zip'],
  ['text/plain', 'txt'],
  ['text/markdown', 'md'],
  ['text/html', 'html'],
  ['text/csv', 'csv'],
  ['image/png', 'png'],
  ['image/jpeg', 'jpg'],
  ['image/webp', 'webp'],
  ['image/gif', 'gif'],
  ['image/bmp', 'bmp'],
  ['image/svg+xml', 'svg'],
  ['image/tiff', 'tiff'],
  ['image/avif', 'avif'],
  ['video/mp4', 'mp4'],
  ['video/quicktime', 'mov'],
  ['video/x-matroska', 'mkv'],
  ['video/x-msvideo', 'avi'],
  ['video/avi', 'avi'],
  ['video/webm', 'webm'],
  ['audio/mpeg', 'mp3'],
  ['audio/mp3', 'mp3'],
  ['audio/wav', 'wav'],
  ['audio/x-wav', 'wav'],
  ['audio/mp4', 'm4a'],
])
const NAME_CHARS_MAX = 200

/** The last part of a path, without control characters and not too long, and with the ending of its type if it has none. */
export function uploadName(filename: string, mimeType: string): string {
  const last = filename
    .replace(/^.*[/\\]/s, '')
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
  const [, stem = last, own = ''] = /^(.+)\.([A-Za-z0-9]{1,10})$/s.exec(last) ?? []
  const ending = own || endings.get(mimeType.split(';', 1)[0]?.trim().toLowerCase() ?? '') || ''
  const kept = stem.slice(0, NAME_CHARS_MAX).toWellFormed() || 'file'
  return ending === '' ? kept : `${kept}.${ending}`
}
