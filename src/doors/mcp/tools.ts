// Every tool. Whoever adds one adds a line.
import { chatTool, explainRouteTool, listModelsTool } from './chat-tools.ts'
import { askFileTool, uploadFileTool } from './file-tools.ts'
import { statusTool, usageTool } from './state-tools.ts'
import type { Tool } from './tool.ts'

/** The tools, in the order in which they are listed. */
export const TOOLS: readonly Tool[] = [
  chatTool,
  listModelsTool,
  explainRouteTool,
  uploadFileTool,
  askFileTool,
  usageTool,
  statusTool,
]
