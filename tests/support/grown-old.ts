// Keeps what is made at one place in the code for a while, then keeps none of it, and says how much of that is in the old part of the
// heap, in bytes: a program of its own. With `young` it does what the service does when it has started.
import { getHeapSpaceStatistics } from 'node:v8'
import { keepYoung } from '../../src/core/young-heap.ts'

const ROUNDS = 40
const KEPT = 50_000
const DROPPED = 1_000_000

if (process.argv[2] === 'young') keepYoung()

function made(index: number): { readonly index: number; readonly own: readonly number[] } {
  return { index, own: [index, index] }
}

function oldBytes(): number {
  return getHeapSpaceStatistics().find(space => space.space_name === 'old_space')?.space_used_size ?? 0
}

let kept: unknown[] = []
for (let round = 0; round < ROUNDS; round += 1) {
  kept = []
  for (let index = 0; index < KEPT; index += 1) kept.push(made(index))
}
kept = []
let grown = 0
let before = oldBytes()
const last: unknown[] = []
for (let index = 0; index < DROPPED; index += 1) {
  last[index % 8] = made(index)
  if (index % 1_000 !== 0) continue
  const now = oldBytes()
  grown += Math.max(0, now - before)
  before = now
}
process.stdout.write(`${last.length === 8 ? grown : -1}`)
