// Puts the own store over what other machines have kept: the own one first, and the other only for what it never saw.
import type { Blobs } from '../core/blobs.ts'
import type { Conversation, ConversationInfo, ConversationKey, Conversations } from '../core/conversations.ts'
import { GatewayError } from '../core/errors.ts'
import type { Files } from '../core/files.ts'
import type { Page, PageQuery } from '../core/page.ts'

/** Which of these ids the own store knows, though they may be deleted. */
export type Seen = (ids: readonly string[]) => Promise<readonly string[]>

/** What `overlayConversations` needs. */
export interface ConversationLayers {
  readonly own: Conversations
  readonly theirs: Pick<Conversations, 'get' | 'list' | 'history' | 'holding'>
  readonly seen: Seen
  /** Deletes one that only the others have. */
  readonly deleteTheirs: (conversation: ConversationInfo & ConversationKey) => Promise<void>
  /** Takes why a list has to do without the others. */
  readonly onFault: (fault: unknown) => void
}

/**
 * Conversations of this machine over those of others. What is found here needs nobody else. A single one that is not, and
 * cannot be looked for elsewhere, is INTERNAL; a list has only what is here then.
 */
export function overlayConversations(layers: ConversationLayers): Conversations {
  const { own, theirs, seen, deleteTheirs, onFault } = layers

  async function getTheirs(key: ConversationKey): Promise<Conversation | undefined> {
    return (await seen([key.id])).length > 0 ? undefined : theirs.get(key)
  }

  return {
    expire: own.expire,
    get: async key => (await own.get(key)) ?? (await getTheirs(key)),
    list: query => overlaidPage(query, { own: own.list(query), theirs: theirs.list(query), seen, onFault }),
    async history(query) {
      const { before, limit, maxBytes } = query
      const mine = await own.history(query)
      const lowest = mine.at(-1)?.place ?? before
      const bytes = mine.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0)
      // One that was begun here is whole here.
      if (lowest <= 1 || mine.length >= limit || bytes >= maxBytes) return mine
      const isKnown = mine.length > 0 || (await own.get(query)) !== undefined
      if (!isKnown && (await seen([query.id])).length > 0) return mine
      if (isKnown && (await own.history({ ...query, before: lowest, limit: 1 })).length > 0) return mine
      const rest = { ...query, before: lowest, limit: limit - mine.length, maxBytes: maxBytes - bytes }
      const older = await theirs.history(rest)
      const [first] = older
      const isTooLarge = first !== undefined && Buffer.byteLength(first.json) > rest.maxBytes
      return mine.length > 0 && isTooLarge ? mine : [...mine, ...older]
    },
    holding: async key => (await own.holding(key)) ?? (await theirs.holding(key)),
    async delete(key) {
      if (await own.delete(key)) return true
      const found = await getTheirs(key)
      if (found === undefined) return false
      await deleteTheirs({ ...found, ...key })
      return true
    },
  }
}

/** What `overlayFiles` needs. */
export interface FileLayers {
  readonly own: Files
  readonly theirs: Pick<Files, 'get' | 'list'>
  readonly seen: Seen
  /** Takes why a list has to do without the others. */
  readonly onFault: (fault: unknown) => void
}

/** Files of this machine over those of others, which can be read here and deleted only where they are. */
export function overlayFiles({ own, theirs, seen, onFault }: FileLayers): Files {
  return {
    ...own,
    async get(key) {
      const mine = await own.get(key)
      if (mine !== undefined || (await seen([key.id])).length > 0) return mine
      return theirs.get(key)
    },
    list: query => overlaidPage(query, { own: own.list(query), theirs: theirs.list(query), seen, onFault }),
  }
}

/** Bytes of this machine, and those of others that were never here. */
export function overlayBlobs(own: Blobs, theirs: Pick<Blobs, 'read'>): Blobs {
  return {
    ...own,
    async *read(key, offset, length) {
      try {
        yield* own.read(key, offset, length)
      } catch (error) {
        // It is thrown before the first byte.
        if (!(error instanceof GatewayError && error.reason === 'FILE_NOT_FOUND')) throw error
        yield* theirs.read(key, offset, length)
      }
    },
  }
}

interface PageLayers<Item> {
  readonly own: Promise<Page<Item>>
  readonly theirs: Promise<Page<Item>>
  readonly seen: Seen
  readonly onFault: (fault: unknown) => void
}

/** One page of two lists that are sorted by id, the highest first. */
async function overlaidPage<Item extends { readonly id: string }>(
  { limit }: PageQuery,
  { own, theirs, seen, onFault }: PageLayers<Item>,
): Promise<Page<Item>> {
  const [mine, other] = await Promise.all([
    own,
    theirs.catch((fault: unknown): Page<Item> => {
      onFault(fault)
      return { items: [] }
    }),
  ])
  const known = new Set(other.items.length === 0 ? [] : await seen(other.items.map(({ id }) => id)))
  // Below the end of a page that goes on nothing is certain.
  const floor = [mine.next, other.next].reduce<string>((low, id = '') => (id > low ? id : low), '')
  const all = [...mine.items, ...other.items.filter(({ id }) => !known.has(id))]
    .filter(({ id }) => id >= floor)
    .sort((a, b) => (a.id < b.id ? 1 : -1))
  const items = all.slice(0, limit)
  const next = all.length > limit ? items.at(-1)?.id : floor
  return { items, ...(next === undefined || next === '' ? {} : { next }) }
}
