// One attempt at `POST /embeddings`: in as many requests, one after another, as the host's limits ask for.
import { FinishReason } from '#gen/exai/v1/chat_pb'
import type { Deltas, TokenCounts } from '../../core/delta.ts'
import { GatewayError } from '../../core/errors.ts'
import type { AttemptInput, EmbedTask } from '../../core/provider.ts'
import type { Access } from '../access.ts'
import { type Fields, mergeFields, providerLayers } from '../merge.ts'
import type { EmbeddingHost, EmbeddingRule, Upstream } from './dialect.ts'
import { type Embedded, readEmbeddings } from './embed-reply.ts'
import { createNote, type Note } from './notes.ts'
import { faultOf, post, refused } from './post.ts'
import type { ChatDeps } from './wire-chat.ts'

/** 128 vectors of 4,096 numbers, written out, are some 12 MB, and 512 of 3,072 numbers in base64 are 8 MB. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024

/** Makes the function that embeds by some way in, as Provider's `open` says; undefined for a host that cannot. */
export function createEmbed(deps: ChatDeps): ((input: AttemptInput, access: Access) => Deltas) | undefined {
  const { provider, dialect, clock, redact } = deps
  const host = dialect.embeddings
  if (host === undefined) return undefined
  return async function* embed(input, access) {
    const upstream: Upstream = { provider, model: input.model.id, dialect, redact, now: () => clock.now() }
    const task = taskOf(input)
    const rule = ruleFor(host, input.model.id)
    const note = createNote(input)

    async function ask(batch: readonly string[], fields: Fields): Promise<Embedded> {
      const build = () => bodyOf(input, { ...fields, input: batch })
      const response = await post(input, access, { path: '/embeddings', build, dialect })
      try {
        if (response.status !== 200) throw await refused(clock, upstream, response)
        return readEmbeddings(upstream, await response.text(ANSWER_BYTES_MAX), batch.length)
      } finally {
        response.close()
      }
    }

    try {
      const fields = fieldsOf(input, host, rule, note)
      let counts: TokenCounts | undefined
      while (task.done() < task.inputs.length) {
        const batch = nextBatch(task, rule)
        task.sending(batch.length)
        const answer = await ask(batch, fields)
        counts = sumOf(counts, answer.inputTokens)
        // Before anything is refused in it: it was made, and is billed.
        if (counts !== undefined) yield [{ type: 'usage', counts }]
        checkLength(answer, fields, note)
        task.add(answer.vectors)
      }
      yield [{ type: 'finish', reason: FinishReason.STOP }]
    } catch (error) {
      throw faultOf(error, input, upstream)
    }
  }
}

function taskOf({ embed }: AttemptInput): EmbedTask {
  if (embed === undefined) throw new GatewayError('INTERNAL', 'nothing was given to be embedded')
  return embed
}

/** A host that says nothing of a family takes texts one by one. */
const UNKNOWN: EmbeddingRule = { models: /^/, inputsMax: 1, shortens: true }

function ruleFor({ rules }: EmbeddingHost, modelId: string): EmbeddingRule {
  return rules.find(({ models }) => models.test(modelId)) ?? UNKNOWN
}

/** What every request says beside its texts. */
function fieldsOf(
  { embed, model, request }: AttemptInput,
  host: EmbeddingHost,
  { shortens }: EmbeddingRule,
  note: Note,
): Fields {
  const dimensions = embed?.dimensions
  if (dimensions !== undefined && !shortens)
    note('DROPPED', 'dimensions', `${model.id} makes vectors of one length only`)
  if (request.user !== '' && !host.takesUser) note('DROPPED', 'user', 'there is no such field on this wire')
  return {
    model: model.id,
    dimensions: shortens ? dimensions : undefined,
    encoding_format: host.base64 ? 'base64' : undefined,
    user: request.user !== '' && host.takesUser ? request.user : undefined,
  }
}

/** The fields of the caller's own come under ours: with them nobody says what is embedded, by which model, and in which form. */
function bodyOf({ request, model }: AttemptInput, fields: Fields): Fields {
  return { ...providerLayers(request, model.provider).reduce(mergeFields, {}), ...fields }
}

/** As many of the next texts as one request takes, and one of them in any case. */
function nextBatch({ inputs, done }: EmbedTask, { inputsMax, bytesMax }: EmbeddingRule): readonly string[] {
  const from = done()
  let bytes = 0
  let to = from
  for (; to < inputs.length && to - from < inputsMax; to += 1) {
    bytes += Buffer.byteLength(inputs[to] ?? '')
    if (to > from && bytes > (bytesMax ?? Number.POSITIVE_INFINITY)) break
  }
  return inputs.slice(from, to)
}

function sumOf(counts: TokenCounts | undefined, inputTokens: number | undefined): TokenCounts | undefined {
  if (inputTokens === undefined) return counts
  return {
    inputTokens: (counts?.inputTokens ?? 0) + inputTokens,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  }
}

/** Some hosts drop a length that a model cannot make, and say nothing. */
function checkLength({ vectors }: Embedded, { dimensions }: Fields, note: Note): void {
  const length = vectors[0]?.length
  if (typeof dimensions === 'number' && length !== dimensions)
    note('DROPPED', 'dimensions', `the vectors have ${length} numbers: the host did not shorten them`)
}
