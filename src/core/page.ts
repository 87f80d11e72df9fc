// Page tokens of lists: where to go on, bound to the query that they were made for.
import { createHash } from 'node:crypto'
import { GatewayError } from './errors.ts'

/** What a list is asked for, beside its filters. */
export interface PageQuery {
  /** The most items, at least 1. */
  readonly limit: number
  /** `next` of the page before; absent: from the beginning. */
  readonly after?: string
}

/** A page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** Where the next page goes on; absent: this was the last one. */
  readonly next?: string
}

const PAGE_SIZE = 50
const PAGE_SIZE_MAX = 500

/** The most items of a page as a request asks for them: 0 is 50, above 500 is 500, negative is INVALID_REQUEST. */
export function pageLimit(pageSize: number): number {
  if (pageSize < 0) throw new GatewayError('INVALID_REQUEST', 'page_size: must not be negative')
  return pageSize === 0 ? PAGE_SIZE : Math.min(pageSize, PAGE_SIZE_MAX)
}

/** The token for a place in the list that a query gives; empty without a place. The query is any text that tells it from others. */
export function pageToken(next: string | undefined, query: string): string {
  return next === undefined ? '' : Buffer.from(`${digestOf(query)}${next}`).toString('base64url')
}

/** The place that a token stands for; undefined for an empty one. One of another query, or none at all, is INVALID_REQUEST. */
export function placeOf(token: string, query: string): string | undefined {
  if (token === '') return undefined
  const text = Buffer.from(token, 'base64url').toString()
  const digest = digestOf(query)
  if (!text.startsWith(digest)) {
    throw new GatewayError('INVALID_REQUEST', 'page_token: is not of this query; begin again without one')
  }
  return text.slice(digest.length)
}

function digestOf(query: string): string {
  return createHash('sha256').update(query).digest('base64url').slice(0, 8)
}
