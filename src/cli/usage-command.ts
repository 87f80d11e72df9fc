// `exai usage` as a command among the others.
import { COMMAND_EXIT, type Command } from './command.ts'
import { usageReport } from './usage-report.ts'

/** Runs the command. */
export const usageCommand: Command = async (args, { config: { listen, apiKey }, clock, print, complain }) => {
  const end = await usageReport(args, { ...listen, credential: apiKey }, clock.now())
  switch (end.type) {
    case 'printed':
      print(end.text)
      return COMMAND_EXIT.ok
    case 'misused':
      complain(`exai: ${end.line}`)
      return COMMAND_EXIT.usage
    case 'failed':
      complain(`exai: ${end.line}`)
      return COMMAND_EXIT.failed
    default:
      return end satisfies never
  }
}
