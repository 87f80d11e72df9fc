// Reads conversations from the project: what other machines have kept, as far as it has arrived there.
import type { Clock } from '../../core/clock.ts'
import type {
  ConversationInfo,
  ConversationKey,
  Conversations,
  HistoryQuery,
  PlacedMessage,
} from '../../core/conversations.ts'
import { isId } from '../../core/ids.ts'
import type { KeptMessage, KeptRole } from '../../core/settlement.ts'
import type { SupabaseConnection } from './connection.ts'
import { type FoundRow, livesAt, msOf, readRows } from './reads.ts'
import { bareId } from './row.ts'

/** The part of the port that reads. Changes go to the own store, and from there to the project. */
export type ConversationReads = Pick<Conversations, 'get' | 'list' | 'history' | 'holding'>

/** Messages of one question; a project may give no more than 1000 rows at once, and says nothing when it cuts. */
const MESSAGES_AT_ONCE = 200
/** How far the clocks of two machines may be apart, in milliseconds. */
const CLOCKS_APART_MS = 86_400_000

/** Makes the reading part of the port. Every method throws INTERNAL when the project does not answer. */
export function createSupabaseConversations(connection: SupabaseConnection, clock: Clock): ConversationReads {
  const { client } = connection

  async function find({ tenant, id }: ConversationKey): Promise<FoundRow | undefined> {
    if (!isId('conv', id)) return undefined
    const live = livesAt(clock.now())
    const rows = await readRows(connection, () =>
      client
        .from('conversations')
        .select()
        .eq('id', bareId(id))
        .eq('tenant_id', tenant)
        .is('deleted_at', null)
        .or(live),
    )
    return rows[0]
  }

  // Messages of one place come from different machines; their ids put them in an order that is the same for everybody.
  async function piece(
    { tenant, id, before }: HistoryQuery,
    last: PlacedMessage | undefined,
    limit: number,
  ): Promise<readonly PlacedMessage[]> {
    const rows = await readRows(connection, () => {
      const query = client
        .from('messages')
        .select('id,role,content,tokens,place')
        .eq('conversation_id', bareId(id))
        .eq('tenant_id', tenant)
        // The months before the conversation began need not be looked at.
        .gte('id', earliest(id))
        .order('place', { ascending: false })
        .order('id', { ascending: false })
        .limit(limit)
      return last === undefined
        ? query.lt('place', before)
        : query.or(`place.lt.${last.place},and(place.eq.${last.place},id.lt.${last.id})`)
    })
    return rows.map(messageOf)
  }

  return {
    async get(key) {
      const row = await find(key)
      return row && { ...infoOf(row), system: systemOf(row) }
    },
    async list({ tenant, limit, after }) {
      if (after !== undefined && !isId('conv', after)) return { items: [] }
      const rows = await readRows(connection, () => {
        const query = client
          .from('conversations')
          .select()
          .eq('tenant_id', tenant)
          .is('deleted_at', null)
          .or(livesAt(clock.now()))
          .order('id', { ascending: false })
          .limit(limit + 1)
        return after === undefined ? query : query.lt('id', bareId(after))
      })
      const items = rows.slice(0, limit).map(infoOf)
      const next = rows.length > limit ? items.at(-1)?.id : undefined
      return { items, ...(next !== undefined && { next }) }
    },
    async holding({ tenant, messageId }) {
      if (!UUID.test(messageId)) return undefined
      const rows = await readRows(connection, () =>
        client.from('messages').select('conversation_id').eq('id', messageId).eq('tenant_id', tenant),
      )
      return rows[0] && `conv_${String(rows[0]['conversation_id'])}`
    },
    async history(query) {
      if ((await find(query)) === undefined) return []
      const found: PlacedMessage[] = []
      let bytes = 0
      for (;;) {
        const limit = Math.min(MESSAGES_AT_ONCE, query.limit - found.length)
        const messages = limit > 0 ? await piece(query, found.at(-1), limit) : []
        for (const message of messages) {
          bytes += Buffer.byteLength(message.json)
          if (bytes > query.maxBytes && found.length > 0) return found
          found.push(message)
        }
        if (messages.length < limit || limit <= 0) return found
      }
    },
  }
}

/** The smallest UUIDv7 that a message of a conversation can have. */
function earliest(conversationId: string): string {
  const hex = bareId(conversationId).replace('-', '').slice(0, 12)
  const ms = Math.max(0, Number.parseInt(hex, 16) - CLOCKS_APART_MS)
  const time = ms.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
}

function infoOf(row: FoundRow): ConversationInfo {
  const expiresAt = msOf(row['expires_at'])
  return {
    id: `conv_${String(row['id'])}`,
    createdAt: msOf(row['created_at']) ?? 0,
    updatedAt: msOf(row['updated_at']) ?? 0,
    ...(expiresAt !== undefined && { expiresAt }),
    messageCount: Number(row['message_count']) + systemOf(row).length,
    lastPlace: Number(row['last_place']),
    provider: String(row['provider']),
    model: String(row['model']),
    version: Number(row['version']),
  }
}

function systemOf(row: FoundRow): readonly KeptMessage[] {
  // Written by a store of this service as JSON of exactly these.
  return JSON.parse(String(row['system'])) as readonly KeptMessage[]
}

// Postgres refuses anything else where it compares ids.
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const ROLES: readonly KeptRole[] = ['system', 'user', 'assistant', 'tool']

function messageOf(row: FoundRow): PlacedMessage {
  return {
    id: String(row['id']),
    role: ROLES.find(role => role === row['role']) ?? 'user',
    json: String(row['content']),
    tokens: Number(row['tokens']),
    place: Number(row['place']),
  }
}
