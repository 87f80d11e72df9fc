// The calls of a soak: each kind knows what must come back, and throws when anything else does.

import { type Answer, type Asked, nothing, type Question } from '../support/doors/door.ts'
import type { DoorName } from '../support/doors/features.ts'
import { lack } from '../support/doors/features.ts'
import type { Chance } from '../support/seeded.ts'
import type { Books } from './books.ts'

/** What a call is made with. */
export interface Place {
  readonly url: string
  /** Every door, open. */
  readonly doors: Readonly<Record<DoorName, Asked>>
  readonly chance: Chance
  readonly books: Books
  /** Different for each call. */
  readonly mark: string
}

/** A kind of call. It rejects when something came that must not. */
export type Deed = (place: Place) => Promise<void>

/** The model that always answers, and one whose provider has every fault there is. */
export const GOOD = 'openai/test-model'
export const SHAKY = 'shaky/test-model'

const LEAVE_MS_MAX = 1_500
const RESUME_SECONDS = 20
/** Words of a mark, and of a text with a key. */
const MARKED = 2
const KEYS = 200

/** A whole answer, in one or in pieces. */
export const asking: Deed = async place => {
  const { chance, mark } = place
  const stream = chance.below(2) === 0
  const words = 1 + chance.below(200)
  const text = `${mark} ${Array.from({ length: words }, (_, index) => `w${index}`).join(' ')}`
  await expectEcho(place, { text, ...(stream ? { stream } : {}) }, words + MARKED)
}

/** A long stream with pauses, read to its end. */
export const streaming: Deed = async place => {
  const { chance, mark } = place
  const words = 20 + chance.below(150)
  const name = doorWith(place, 'stream')
  const text = `[[fault:words=${words}]] [[fault:drip-events=${chance.below(20)}]] ${mark}`
  expectWords(place, await place.doors[name].ask({ model: GOOD, text, stream: true }), words, name)
}

/** A stream that its client leaves at a random moment. */
export const leaving: Deed = async place => {
  const { chance, mark, doors, books } = place
  const name = doorWith(place, 'leaving')
  const words = 100
  const gone = new AbortController()
  const timer = setTimeout(() => gone.abort(), chance.below(LEAVE_MS_MAX))
  const text = `[[fault:words=${words}]] [[fault:drip-events=15]] ${mark}`
  try {
    const answer = await doors[name].ask({ model: GOOD, text, stream: true, signal: gone.signal })
    // A door may tell a client that has left, too.
    if (gone.signal.aborted && answer.error !== undefined) books.left()
    else expectWords(place, answer, words, name)
  } catch (error) {
    if (!gone.signal.aborted) throw error
    books.left()
  } finally {
    clearTimeout(timer)
  }
}

/** A conversation of some turns, each through another door. */
export const conversing: Deed = async place => {
  const { chance, mark } = place
  let conversation = 'new'
  let before = 0
  for (let turn = 0; turn < 2 + chance.below(3); turn += 1) {
    const words = 1 + chance.below(20)
    const text = `${mark} ${Array.from({ length: words }, (_, index) => `t${index}`).join(' ')}`
    const said = words + MARKED
    const answer = await expectEcho(place, { text, conversation }, said, before)
    before += said + said + 2
    conversation = answer.conversation
  }
}

/** The same question twice under one of a few keys, most of which were answered long before: what is recorded is kept for a day. */
export const repeating: Deed = async place => {
  const number = place.chance.below(KEYS)
  const key = `soak-key-${number}`
  const text = `${key} once`
  // Another door may add to a question what its own requires, and then it is another one.
  const names = doorsWith(place, 'key')
  const asked = place.doors[names[number % names.length] ?? 'grpc']
  const first = await asked.ask({ model: GOOD, text, key })
  if (first.error !== undefined || first.text !== `You said: ${text}`)
    throw wrong(`to ${key} is wrong`, first)
  if (!first.isReplayed) place.books.answered(first, [MARKED, MARKED + 2])
  const again = await asked.ask({ model: GOOD, text, key })
  if (again.id !== first.id || again.text !== first.text || !again.isReplayed)
    throw wrong('was not replayed', again)
}

/** A stream that is left, and then resumed from its beginning. */
export const resuming: Deed = async place => {
  const { chance, mark, doors } = place
  const name = chance.oneOf<'grpc' | 'grpcWeb' | 'connect'>(['grpc', 'grpcWeb', 'connect'])
  const words = 60
  const pieces = 1 + chance.below(40)
  const gone = new AbortController()
  let id = ''
  let seen = 0
  await doors[name]
    .ask({
      model: GOOD,
      text: `[[fault:words=${words}]] [[fault:drip-events=15]] ${mark}`,
      stream: true,
      resumeSeconds: RESUME_SECONDS,
      signal: gone.signal,
      onPiece(of) {
        id = of
        seen += 1
        if (seen === pieces) gone.abort()
      },
    })
    .catch((error: unknown) => {
      if (!gone.signal.aborted) throw error
    })
  const whole = await doors[name].resume?.(id)
  if (whole === undefined) throw new Error(`${name} resumes nothing`)
  expectWords(place, whole, words, name)
}

/** A question whose provider fails in one of its ways: it gets an error of the provider's side, or after a retry the answer. */
export const failing: Deed = async place => {
  const { chance, mark, books } = place
  const fault = chance.oneOf([
    'status=500',
    'status=429',
    'status=503',
    'reset-before-headers',
    'fin-before-headers',
    'hang-before-headers',
    'cut-after-events=3',
    'fin-after-events=2',
    'silence-after-events=2',
    'half-json',
    'html',
    'error-200',
    'empty',
  ])
  const text = `[[fault:${fault}]] ${mark} fails`
  const answer = await ask(place, 'broken', { model: SHAKY, text, stream: true })
  books.left()
  if (answer.error === undefined ? !answer.isDone : !/^UPSTREAM_/.test(answer.error))
    throw wrong(`after ${fault}`, answer)
}

function doorsWith(place: Place, feature: Parameters<typeof lack>[0]): readonly DoorName[] {
  // Its keys are the names of the doors.
  return (Object.keys(place.doors) as DoorName[]).filter(name => lack(feature, name) === undefined)
}

function doorWith(place: Place, feature: Parameters<typeof lack>[0]): DoorName {
  const names = doorsWith(place, feature)
  return names[place.chance.below(names.length)] ?? 'grpc'
}

async function ask(
  place: Place,
  feature: Parameters<typeof lack>[0],
  question: Question,
): Promise<Answer & { readonly door: DoorName }> {
  const door = doorWith(place, feature)
  const { stream, ...whole } = question
  const isStreamed = stream === true && lack('stream', door) === undefined
  const answer = await place.doors[door].ask(isStreamed ? question : whole)
  return { ...answer, door }
}

/** Asks what the provider gives back, through any door, and checks every word of it and its price. */
async function expectEcho(place: Place, question: Question, words: number, wordsBefore = 0): Promise<Answer> {
  const answer = await ask(place, question.conversation === undefined ? 'key' : 'conversation', {
    model: GOOD,
    ...question,
  })
  const text = `You said: ${question.text}`
  if (answer.error !== undefined || !answer.isDone || answer.finish !== 'stop' || answer.text !== text)
    throw wrong(`is not "${text.slice(0, 80)}"`, answer)
  place.books.answered(answer, [wordsBefore + words, words + 2])
  return answer
}

function expectWords({ books }: Place, answer: Answer, words: number, name: string): void {
  const text = Array.from({ length: words }, (_, index) => `word${index}`).join(' ')
  if (answer.error !== undefined || !answer.isDone || answer.text !== text)
    throw wrong(`through ${name} is not ${words} words`, answer)
  books.answered(answer, [MARKED, words])
}

/** An answer that must not be. */
export function wrong(what: string, answer: Partial<Answer>): Error {
  const told = { ...nothing, ...answer, text: `${answer.text?.slice(0, 200)}…` }
  return new Error(`an answer ${what}: ${JSON.stringify(told)}`)
}
