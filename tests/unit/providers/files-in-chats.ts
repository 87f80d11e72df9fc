// What the tests of files in chats have in common: attempts that name stored files, and what reached a double.
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { CompleteRequestSchema } from '#gen/exai/v1/chat_service_pb'
import type { ModelEntry } from '../../../src/core/model.ts'
import { naming, type TestFile, type TestGiving } from '../../support/file-giving.ts'
import type { Upstream } from '../../support/upstream/server.ts'
import { attempt, type TestAttempt } from './attempt.ts'

/** What an attempt may have besides its files. */
export interface FileAttempt {
  readonly model?: ModelEntry
  readonly stream?: boolean
  readonly signal?: AbortSignal
  readonly request?: MessageInitShape<typeof CompleteRequestSchema>
}

/** An attempt whose one message names the files. */
export function asking(giving: TestGiving, files: readonly TestFile[], over: FileAttempt = {}): TestAttempt {
  const { request, ...rest } = over
  const messages = [naming('What is in it?', ...files)]
  return Object.assign(attempt({ ...request, messages }, rest), { files: giving.files })
}

/** The requests of a double as `METHOD path`, from the last slash of its version on. */
export const asked = ({ requests }: Upstream): readonly string[] =>
  requests.map(({ method, path }) => `${method} ${path.replace(/^.*?\/v\d(?=\/)/, '').split('?')[0]}`)

/** How many uploads a double has got. */
export const uploads = (double: Upstream): number =>
  asked(double).filter(line => /^POST \/files(?:\/upload)?$/.test(line)).length

/** The body of the last chat that a double got. */
export const lastChat = (double: Upstream): string =>
  double.requests
    .findLast(({ path }) => /\/(?:chat\/completions|responses)$/.test(path))
    ?.rawBody.toString() ?? ''
