// What a list of files is asked for: the filters of a request, checked.
import type { ListFilesRequest } from '#gen/exai/v1/files_service_pb'
import { GatewayError } from '../core/errors.ts'
import type { FileFilter } from '../core/files.ts'
import { isId } from '../core/ids.ts'
import { type PageQuery, pageLimit, placeOf } from '../core/page.ts'
import { millisecondsOf } from '../core/time.ts'
import { FIELD_LIMITS, hashProblem, labelsProblem, textProblem } from './upload-fields.ts'

/** A list that is asked for. */
export interface ListQuery {
  readonly query: PageQuery & FileFilter
  /** Tells this query from others, for the tokens of its pages. */
  readonly text: string
}

/** Checks the request for a list. Throws INVALID_REQUEST naming the field. */
export function listQuery(tenant: string, request: ListFilesRequest): ListQuery {
  const limit = pageLimit(request.pageSize)
  const { filenameContains, purpose } = request
  check('filename_contains', textProblem(filenameContains, FIELD_LIMITS.filenameCharacters))
  check('purpose', textProblem(purpose, FIELD_LIMITS.purposeCharacters))
  check('sha256', hashProblem(request.sha256))
  check('metadata', labelsProblem(request.metadata))
  const mimeType = request.mimeType.toLowerCase()
  const isType = mimeType === '' || /^[a-z0-9][^\s/*;]*\/(?:\*|[a-z0-9][^\s/*;]*)$/.test(mimeType)
  check(
    'mime_type',
    isType && mimeType.length <= 255 ? undefined : 'must be a MIME type such as image/png or image/*',
  )
  const { startTime, endTime } = request
  const createdFrom = startTime && Math.ceil(millisecondsOf(startTime))
  const createdBefore = endTime && Math.ceil(millisecondsOf(endTime))
  if (createdFrom !== undefined && createdBefore !== undefined && createdBefore < createdFrom)
    check('end_time', 'must not be before start_time')
  const filter: FileFilter = {
    tenant,
    ...(filenameContains === '' ? {} : { filenameContains }),
    ...(mimeType === '' ? {} : { mimeType }),
    ...(purpose === '' ? {} : { purpose }),
    ...(request.sha256 === '' ? {} : { sha256: request.sha256.toLowerCase() }),
    ...(Object.keys(request.metadata).length === 0 ? {} : { metadata: sorted(request.metadata) }),
    ...(createdFrom === undefined ? {} : { createdFrom }),
    ...(createdBefore === undefined ? {} : { createdBefore }),
  }
  const text = JSON.stringify(['files', filter])
  const after = placeOf(request.pageToken, text)
  if (after !== undefined && !isId('file', after)) check('page_token', 'is damaged; begin again without one')
  return { query: { ...filter, limit, ...(after === undefined ? {} : { after }) }, text }
}

/** The labels of a map come in any order, and make the same query. */
function sorted(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function check(field: string, problem: string | undefined): void {
  if (problem !== undefined) throw new GatewayError('INVALID_REQUEST', `${field} ${problem}`)
}
