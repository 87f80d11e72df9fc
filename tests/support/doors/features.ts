// What works through which door: the one list that the tests of the doors go through, and that docs/compat.md shows.
import { anthropicDoor } from './anthropic.ts'
import { connectDoors } from './connect.ts'
import type { Door } from './door.ts'
import { mcpDoor } from './mcp.ts'
import { openAiDoor } from './openai.ts'
import { responsesDoor } from './responses.ts'
import { webSocketDoor } from './websocket.ts'

/** Every door, in the order of the table. */
export const doors = {
  ...connectDoors,
  chat: openAiDoor,
  responses: responsesDoor,
  messages: anthropicDoor,
  webSocket: webSocketDoor,
  mcp: mcpDoor,
} as const satisfies Record<string, Door>

/** The name of a door in this list. */
export type DoorName = keyof typeof doors

/** Why something does not work through a door. */
export const reasons = {
  answers:
    'The model that an MCP host asks calls no tools of the host; a chat with tools goes through another door.',
  asking:
    'Leaving ends the call. Asked again with the same idempotency key, what was answered is not asked twice.',
  besides: 'It has no words for this. Models, files and vectors are at `/v1` beside it.',
  chats: 'This door is for chats. The same service answers on the same port through the others.',
  counted: 'Nothing counts here without an answer. ChatService/CountTokens does, on the same port.',
  endless: 'The Responses API has no field for it.',
  options: 'The tool `chat` has no argument for it.',
  progress: 'The answer comes whole, and its progress is told before.',
  snapshot: 'The tool `status` shows the state once.',
  thoughts: 'The tool shows what the model answers, and not what it thinks.',
  untold: 'It has no words for this. The contract has it: MonitoringService, on the same port.',
} as const

/** Why not. */
export type Why = keyof typeof reasons

/** One row of the table. */
export type Feature = {
  /** What the row is called, and what its tests are called. */
  readonly title: string
  /** The file of its tests in tests/e2e. */
  readonly file: 'doors.test.ts' | 'doors-endings.test.ts' | 'doors-besides.test.ts'
  /** The doors that do not have it. All others do, and are tested. */
  readonly lacking: Partial<Readonly<Record<DoorName, Why>>>
}

const chatting = (title: string, lacking: Feature['lacking'] = {}): Feature => ({
  title,
  file: 'doors.test.ts',
  lacking,
})
const ending = (title: string, lacking: Feature['lacking'] = {}): Feature => ({
  title,
  file: 'doors-endings.test.ts',
  lacking,
})
const beside = (title: string, lacking: Feature['lacking'] = {}): Feature => ({
  title,
  file: 'doors-besides.test.ts',
  lacking,
})

/** The rows. */
export const features = {
  text: chatting('an answer'),
  stream: chatting('an answer in pieces', { mcp: 'progress' }),
  toolCall: chatting('the call of a tool', { mcp: 'answers' }),
  toolResult: chatting('the result of a tool', { mcp: 'answers' }),
  severalTools: chatting('several tools at once', { mcp: 'answers' }),
  schema: chatting('an answer that follows a JSON Schema', { mcp: 'options' }),
  reasoning: chatting('what the model thinks', { mcp: 'thoughts' }),
  image: chatting('an image in the question'),
  file: chatting('a stored file in the question'),
  system: chatting('instructions of a system'),
  stop: chatting('a text that ends the answer', { responses: 'endless', mcp: 'options' }),
  cap: chatting('a limit for the answer'),
  cost: chatting('tokens and cost'),
  key: chatting('an idempotency key'),
  conversation: chatting('a conversation that is kept here'),
  resume: ending('a stream that goes on without its reader, and is resumed', {
    webSocket: 'asking',
    mcp: 'asking',
  }),
  leaving: ending('leaving ends the call at the provider'),
  deadline: ending('the time of a call has an end'),
  heartbeat: ending('signs of life while the provider is silent'),
  broken: ending('an answer that breaks is an error, and never a success'),
  failing: ending('a provider that fails is an error with its reason'),
  comeBack: ending('a provider that says when to come back is passed on'),
  refusal: ending('a question that is wrong is an error with its reason'),
  credential: ending('a key, and what it may do'),
  embeddings: beside('vectors', { messages: 'besides', webSocket: 'chats', mcp: 'chats' }),
  models: beside('the list of models', { messages: 'besides', webSocket: 'chats' }),
  files: beside('files up and down', { messages: 'besides', webSocket: 'chats' }),
  count: beside('counting tokens', {
    chat: 'counted',
    responses: 'counted',
    webSocket: 'chats',
    mcp: 'options',
  }),
  watchStatus: beside('watching the state', {
    chat: 'untold',
    responses: 'untold',
    messages: 'untold',
    mcp: 'snapshot',
  }),
  watchEvents: beside('watching what fails', {
    chat: 'untold',
    responses: 'untold',
    messages: 'untold',
    mcp: 'snapshot',
  }),
  usage: beside('what was used', {
    chat: 'untold',
    responses: 'untold',
    messages: 'untold',
    webSocket: 'untold',
  }),
} as const satisfies Record<string, Feature>

/** The name of a row. */
export type FeatureName = keyof typeof features

/** The names of the doors. */
export const doorNames = Object.keys(doors) as readonly DoorName[]

/** The names of the rows. */
export const featureNames = Object.keys(features) as readonly FeatureName[]

/** Why a door lacks a feature; undefined when it has it. */
export function lack(feature: FeatureName, door: DoorName): Why | undefined {
  const { lacking }: Feature = features[feature]
  return lacking[door]
}
