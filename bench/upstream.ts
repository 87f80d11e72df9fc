// The fake provider as a process of its own; tells its port to whoever started it, and ends with it.
import { startFakeOpenAi } from './fake-openai.ts'

const { port } = await startFakeOpenAi()
process.once('disconnect', () => process.exit(0))
process.send?.({ port })
