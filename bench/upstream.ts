// The fake provider as a process of its own; tells its port to whoever started it, and ends with it.
import { startFakeOpenAi } from './fake-openai.ts'

const { port, waiting } = await startFakeOpenAi()
process.on('message', () => process.send?.({ waiting: waiting() }))
process.once('disconnect', () => process.exit(0))
process.send?.({ port })
