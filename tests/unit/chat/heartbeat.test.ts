// Signs of life in a stream: when they come, and that neither they nor a reader that leaves hold anything up.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { withHeartbeat } from '../../../src/chat/heartbeat.ts'

/** A source that gives what it is told to, and remembers whether it was let go. */
function createSource() {
  let wake: (() => void) | undefined
  let gate = Promise.withResolvers<string | Error | undefined>()
  let released = 0
  async function* play(): AsyncGenerator<string> {
    try {
      for (;;) {
        const step = await gate.promise
        gate = Promise.withResolvers()
        wake?.()
        if (step instanceof Error) throw step
        if (step === undefined) return
        yield step
      }
    } finally {
      released += 1
    }
  }
  return {
    source: play(),
    send: (step: string | Error | undefined) => gate.resolve(step),
    released: () => released,
  }
}

function beating(everyMs: number) {
  const { source, send, released } = createSource()
  let left = 0
  const leave = () => {
    left += 1
    send(new Error('left'))
  }
  const stream = withHeartbeat(source, { everyMs, sign: () => 'alive', leave })
  return { stream, send, released, left: () => left }
}

describe('a heartbeat', () => {
  it('comes in each silence, and what follows is passed on', async () => {
    const { stream, send } = beating(10)
    expect(await stream.next()).toEqual({ done: false, value: 'alive' })
    expect(await stream.next()).toEqual({ done: false, value: 'alive' })
    const pending = stream.next()
    send('a')
    expect(await pending).toEqual({ done: false, value: 'a' })
    expect(await stream.next()).toEqual({ done: false, value: 'alive' })
  })

  it('hides nothing that came while its reader was busy with it', async () => {
    const { stream, send } = beating(10)
    await stream.next()
    send('a')
    await nextTurn()
    expect(await stream.next()).toEqual({ done: false, value: 'a' })
    expect(await stream.next()).toEqual({ done: false, value: 'alive' })
    send(new Error('broken'))
    await nextTurn()
    await expect(stream.next()).rejects.toThrow('broken')
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })

  it('keeps the order for a reader that asks for several pieces at once', async () => {
    const { stream, send } = beating(60_000)
    const pieces = [stream.next(), stream.next(), stream.next()]
    for (const step of ['a', 'b', undefined]) {
      send(step)
      await nextTurn()
    }
    expect(await Promise.all(pieces)).toEqual([
      { done: false, value: 'a' },
      { done: false, value: 'b' },
      { done: true, value: undefined },
    ])
  })

  it('does not come where there is no silence', async () => {
    const { stream, send } = beating(60_000)
    for (const text of ['a', 'b', 'c']) {
      const pending = stream.next()
      send(text)
      expect(await pending).toEqual({ done: false, value: text })
    }
  })

  it('ends with its source', async () => {
    const { stream, send, released } = beating(60_000)
    const pending = stream.next()
    send(undefined)
    expect(await pending).toEqual({ done: true, value: undefined })
    expect(released()).toBe(1)
  })

  it('fails with its source, also after a sign', async () => {
    const { stream, send, released } = beating(10)
    await stream.next()
    send(new Error('broken'))
    await expect(stream.next()).rejects.toThrow('broken')
    expect(released()).toBe(1)
  })
})

describe('a reader that leaves', () => {
  it('between two pieces lets the source go', async () => {
    const { stream, send, released, left } = beating(60_000)
    const pending = stream.next()
    send('a')
    await pending
    await stream.return(undefined)
    expect([left(), released()]).toEqual([1, 1])
  })

  it('at a heartbeat does not wait for a source that still does', async () => {
    const { stream, released, left } = beating(10)
    await stream.next()
    await expect(stream.return(undefined)).resolves.toEqual({ done: true, value: undefined })
    expect([left(), released()]).toEqual([1, 1])
  })

  it('with an error gets that error back', async () => {
    const { stream, released } = beating(10)
    await stream.next()
    await expect(stream.throw(new Error('mine'))).rejects.toThrow('mine')
    expect(released()).toBe(1)
  })

  it('before the first piece never starts anything', async () => {
    const { stream, left } = beating(10)
    await stream.return(undefined)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(left()).toBe(0)
  })
})
