// Takes a call up to its first attempt: the request is checked, the chat put together, and the candidates are chosen.
import type { Clock } from '../core/clock.ts'
import type { Conversations } from '../core/conversations.ts'
import type { EventSink } from '../core/gateway-event.ts'
import type { TokenCounter } from '../metering/count.ts'
import type { Affinity } from '../routing/affinity.ts'
import { createWalk, type Walk } from '../routing/walk.ts'
import type { WalkDeps } from '../routing/walk-call.ts'
import { joinChat } from './conversation.ts'
import type { FileParts } from './file-parts.ts'
import { planCall } from './plan.ts'
import { checkTools } from './policy.ts'
import type { Run } from './response.ts'
import { validateRequest } from './validate.ts'
import { walkInputOf } from './walk-input.ts'
import { keptOf } from './whereabouts.ts'

/** What a call is prepared with. */
export interface PrepareDeps {
  readonly conversations: Pick<Conversations, 'get' | 'history'>
  /** Looks up the stored files of chats. Absent: there are none. */
  readonly files?: FileParts | undefined
  readonly counter: TokenCounter
  readonly clock: Clock
  /** Remembers with which models conversations are. */
  readonly affinity: Affinity
  /** What all calls share on their way along the candidates. */
  readonly walk: WalkDeps
  /** Hears of each attempt. Absent: nobody does. */
  readonly onEvent?: EventSink | undefined
}

/** The way of a call along its candidates; nobody has been asked. Throws GatewayError for a call that nobody can be asked for. */
export async function prepared(run: Run, stream: boolean, deps: PrepareDeps): Promise<Walk> {
  validateRequest(run.request)
  if (run.request.user !== '') run.call.note({ user: run.request.user })
  if (run.limits !== undefined) checkTools(run.request, run.limits.policies)
  const chat = joinChat(run.call.caller.tenant, run.request, {
    conversations: deps.conversations,
    routing: run.routing,
    now: deps.clock.now,
    files: deps.files,
    signal: run.signal,
    warn: warning => void run.notes.push(warning),
  })
  const { messages, files, conversation } = chat instanceof Promise ? await chat : chat
  run.messages = messages
  run.files = files
  run.conversation = conversation
  if (conversation !== undefined) run.call.note({ conversationId: conversation.id })
  const plan = planCall(
    run.request,
    run.messages,
    {
      routing: run.routing,
      counter: deps.counter,
      kept: keptOf(run, deps.affinity),
      conversation,
      limits: run.limits,
      stored: files?.stored,
    },
    run.signal,
  )
  run.plan = plan instanceof Promise ? await plan : plan
  return createWalk(walkInputOf(run, stream, deps.onEvent), deps.walk)
}
