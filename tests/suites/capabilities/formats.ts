// The form of an answer, media in a question, and the provider's own search.
import { expect } from 'vitest'
import { Role } from '#gen/exai/v1/chat_pb'
import { textOf, user } from '../../unit/providers/attempt.ts'
import { mediaData, mediaUrl, said, text } from '../../unit/providers/known.ts'
import { type Capability, question } from '../capability.ts'

const CITY = '{"city":"Bern"}'
// What any model might say when it keeps to the form; the doubles know nothing of a form that they are not told.
const scripts = [{ answer: { text: CITY } }]
const schema = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
}

const PIXEL_URL = 'https://images.example/pixel.png'
const DOCUMENT_URL = 'https://documents.example/report.pdf'
const VIDEO_URL = 'https://videos.example/clip.mp4'
const sent = (part: ReturnType<typeof mediaUrl>) => ({
  messages: [said(Role.USER, text('What is this?'), part)],
})
const answered = ({ deltas }: { readonly deltas: Parameters<typeof textOf>[0] }) =>
  expect(textOf(deltas)).not.toBe('')
const holds = (needle: string) => (body: object) => JSON.stringify(body).includes(needle)

/** The rows. */
export const formats = {
  json: question({
    title: 'JSON',
    test: 'answers with a JSON object',
    request: {
      messages: [user('Name a city, as JSON')],
      responseFormat: { format: { case: 'json', value: {} } },
    },
    scripts,
    isNative: holds('json_object'),
    check: ({ deltas }) => expect(typeof JSON.parse(textOf(deltas))).toBe('object'),
  }),
  'json-schema': question({
    title: 'JSON by a schema',
    test: 'answers with JSON that follows a schema',
    request: {
      messages: [user('Name a city')],
      responseFormat: { format: { case: 'jsonSchema', value: { name: 'city', schema } } },
    },
    scripts,
    isNative: holds('json_schema'),
    check: ({ deltas }) => expect(Object.keys(JSON.parse(textOf(deltas)))).toEqual(['city']),
  }),
  'image-data': question({
    title: 'Images as bytes',
    test: 'sends an image as bytes',
    request: sent(mediaData('image/png', 'pixel')),
    isNative: holds(`data:image/png;base64,${Buffer.from('pixel').toString('base64')}`),
    check: answered,
  }),
  'image-url': question({
    title: 'Images by URL',
    test: 'sends an image by its URL',
    request: sent(mediaUrl('image/png', PIXEL_URL)),
    isNative: holds(PIXEL_URL),
    check: answered,
  }),
  'pdf-data': question({
    title: 'PDF as bytes',
    test: 'sends a PDF document as bytes',
    request: sent(mediaData('application/pdf', '%PDF-1.7')),
    isNative: holds(Buffer.from('%PDF-1.7').toString('base64')),
    check: answered,
  }),
  'pdf-url': question({
    title: 'PDF by URL',
    test: 'sends a PDF document by its URL',
    request: sent(mediaUrl('application/pdf', DOCUMENT_URL)),
    isNative: holds(DOCUMENT_URL),
    check: answered,
  }),
  sound: question({
    title: 'Sound',
    test: 'sends sound as bytes',
    request: sent(mediaData('audio/wav', 'RIFF')),
    isNative: holds('input_audio'),
    check: answered,
  }),
  'video-url': question({
    title: 'Video by URL',
    test: 'sends a video by its URL',
    request: sent(mediaUrl('video/mp4', VIDEO_URL)),
    isNative: holds(VIDEO_URL),
    check: answered,
  }),
  'web-search': question({
    title: 'Web search',
    test: 'lets the model search the web',
    request: { messages: [user('What is new?')], webSearch: {} },
    check: answered,
  }),
} as const satisfies Readonly<Record<string, Capability>>
