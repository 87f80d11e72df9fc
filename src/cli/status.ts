// `exai status`: asks a running service how it is, and prints it on one screen, again and again with --watch, or as JSON.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { toJsonString } from '@bufbuild/protobuf'
import {
  type GetStatusResponse,
  GetStatusResponseSchema,
  MonitoringService,
} from '#gen/exai/v1/monitoring_service_pb'
import { askService, failureLine, type ServiceTarget } from './client.ts'
import { COMMAND_EXIT, type Command } from './command.ts'
import { statusScreen } from './status-screen.ts'

const HELP = `exai status: tells how a running service is: its parts, providers with keys, circuits and stores

  --watch          tells it again every two seconds, until it is interrupted
  --json           as JSON, one line per answer

It asks the service at HOST and PORT. The credential is EXAI_API_KEY: an API key or a token with the scope monitoring.
The exit code is 0 while the service is healthy or degraded, and 1 when it is unhealthy or does not answer.
`

const EVERY_MS = 2_000
/** Clears the screen and goes to its beginning (ECMA-48, ED and CUP). */
const CLEAR = '\u001b[2J\u001b[H'

/** Runs the command. */
export const statusCommand: Command = async (
  args,
  { config: { listen, apiKey }, clock, print, complain },
) => {
  const wish = wishOf(args)
  if (typeof wish === 'string') {
    complain(`exai: ${wish}`)
    return COMMAND_EXIT.usage
  }
  if (wish.isHelp) {
    print(HELP)
    return COMMAND_EXIT.ok
  }
  const target = { ...listen, credential: apiKey }
  for (;;) {
    const { text, isWell } = await ask(target, wish.isJson, clock.now())
    if (isWell === undefined) complain(`exai: ${text}`)
    else print(wish.isWatch && !wish.isJson ? `${CLEAR}${text}` : text)
    // Whoever watches wants to see it come back.
    if (!wish.isWatch) return isWell === true ? COMMAND_EXIT.ok : COMMAND_EXIT.failed
    await sleep(EVERY_MS)
  }
}

interface Wish {
  readonly isHelp: boolean
  readonly isWatch: boolean
  readonly isJson: boolean
}

function wishOf(args: readonly string[]): Wish | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        watch: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    return { isHelp: values.help, isWatch: values.watch, isJson: values.json }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** What to print; `isWell` is absent when nobody answered. */
async function ask(
  target: ServiceTarget,
  isJson: boolean,
  nowMs: number,
): Promise<{ readonly text: string; readonly isWell?: boolean }> {
  const answer = await askService(target, MonitoringService.method.getStatus, {})
  if (answer.type !== 'answered') return { text: failureLine(answer) }
  const { status } = answer.value
  if (status === undefined) return { text: 'the service answered without a status' }
  const { text, isWell } = statusScreen(status, nowMs)
  return { text: isJson ? jsonLine(answer.value) : text, isWell }
}

function jsonLine(answer: GetStatusResponse): string {
  return `${toJsonString(GetStatusResponseSchema, answer)}\n`
}
