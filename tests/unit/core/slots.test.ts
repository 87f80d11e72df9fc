// The list of what is going on.
import { expect, it } from 'vitest'
import { createSlots } from '../../../src/core/slots.ts'

it('what was added is found under its place, once', () => {
  const slots = createSlots<{ name: string }>()
  const [a, b] = [slots.add({ name: 'a' }), slots.add({ name: 'b' })]
  expect(slots.take(b)).toEqual({ name: 'b' })
  expect(slots.take(b)).toBeUndefined()
  expect(slots.take(7)).toBeUndefined()
  expect(slots.size()).toBe(1)
  expect(slots.take(a)).toEqual({ name: 'a' })
  expect(slots.size()).toBe(0)
})

it('a place that was freed is given again, and no other one grows', () => {
  const slots = createSlots<{ name: string }>()
  const places = new Set<number>()
  for (let round = 0; round < 1000; round += 1) {
    const two = [slots.add({ name: `a${round}` }), slots.add({ name: `b${round}` })]
    for (const place of two) places.add(place)
    for (const place of two) slots.take(place)
  }
  expect(places.size).toBe(2)
  expect(slots.all()).toEqual([])
})

it('all are those that are there now', () => {
  const slots = createSlots<{ name: string }>()
  const places = ['a', 'b', 'c'].map(name => slots.add({ name }))
  slots.take(places[1] ?? -1)
  expect(slots.all().map(({ name }) => name)).toEqual(['a', 'c'])
})

it('frees every place at once, and gives what was there', () => {
  const slots = createSlots<{ name: string }>()
  const [a] = [slots.add({ name: 'a' }), slots.add({ name: 'b' })]
  slots.take(a)
  expect(slots.clear()).toEqual([{ name: 'b' }])
  expect([slots.size(), slots.all(), slots.take(1)]).toEqual([0, [], undefined])
  expect(slots.add({ name: 'c' })).toBe(0)
})
