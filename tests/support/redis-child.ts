// A Redis server in JavaScript as a process of its own, for machines without the real one: `node redis-child.ts PORT [PASSWORD]`.
import { Redis } from 'ioredis'
import { createRedisMock } from 'js-redis-server'

const [port = '0', password = ''] = process.argv.slice(2)
const server = await createRedisMock({ port: Number(port) })
if (password !== '') {
  const client = new Redis(server.url)
  await client.config('SET', 'requirepass', password)
  client.disconnect()
}
