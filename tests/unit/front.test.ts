// Which requests may take as long as a file does.
import { expect, test } from 'vitest'
import { isUpload } from '../../src/front.ts'

test.each(['/v1/files', '/v1/files/', '/v1/files?a=b', '/v1/files/?a=b', '/exai.v1.FilesService/UploadFile'])(
  'an upload to %s takes as long as its file',
  target => {
    expect(isUpload(target)).toBe(true)
  },
)

test.each(['/v1/files/file_1', '/v1/chat/completions', '/', '', '/v1/files//'])(
  'a body for %s must come in time',
  target => {
    expect(isUpload(target)).toBe(false)
  },
)
