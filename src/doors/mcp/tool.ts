// What a tool is: its schemas, what it does, and how its answer and its errors look to MCP clients.
import { z } from 'zod'
import { GatewayError } from '../../core/errors.ts'
import type { Backend } from './backend.ts'
import { errorOf, type ToldError, toldError } from './errors.ts'

/** What a tool works with. */
export interface ToolContext {
  readonly backend: Backend
  /** Aborts when the client cancels the call, and after its end. */
  readonly signal: AbortSignal
  /** Tells how far the work has come: a number that rises, and a few words. */
  progress(count: number, message: string): void
  /** Hears of a call whose arguments are refused before any RPC is called. */
  refused(error: GatewayError): void
}

/** A text, or a link to a resource of this server, in an answer. */
export type ContentBlock =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'resource_link'
      readonly uri: string
      readonly name: string
      readonly mimeType: string
    }

/** What a tool answers. */
export interface ToolAnswer<Output> {
  /** For people and models. */
  readonly content: readonly ContentBlock[]
  /** For programs. */
  readonly structured: Output
}

/** A result as `tools/call` answers it. */
export type ToolResult = {
  readonly content: ContentBlock[]
  readonly structuredContent: Record<string, unknown>
  readonly isError?: true
}

/** JSON Schema of an object. */
export type ObjectSchema = { readonly type: 'object'; readonly [keyword: string]: unknown }

/** How a tool is listed. */
export interface ToolListing {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputSchema: ObjectSchema
  readonly outputSchema: ObjectSchema
  readonly annotations: {
    readonly readOnlyHint: boolean
    readonly destructiveHint: false
    readonly idempotentHint: boolean
    readonly openWorldHint: boolean
  }
}

/** A tool. */
export interface Tool {
  readonly name: string
  listing(): ToolListing
  /** Never rejects: what goes wrong is a result, too. */
  call(args: unknown, context: ToolContext): Promise<ToolResult>
}

/** What makes a tool. */
export interface ToolDefinition<Input extends z.ZodObject, Output extends z.ZodObject> {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly input: Input
  readonly output: Output
  /** Whether nothing is changed or spent. */
  readonly isReading: boolean
  /** Whether it asks somebody outside of this service. */
  readonly isOutward: boolean
  readonly run: (args: z.output<Input>, context: ToolContext) => Promise<ToolAnswer<z.input<Output>>>
}

/** An error that knows what was said before it. */
export class BrokenAnswer extends GatewayError {
  readonly partialText: string

  constructor(error: GatewayError, partialText: string) {
    super(error.reason, error.message, error.details)
    this.partialText = partialText
  }
}

/** Makes a tool. */
export function createTool<Input extends z.ZodObject, Output extends z.ZodObject>(
  definition: ToolDefinition<Input, Output>,
): Tool {
  const { name, title, description, input, output, isReading, isOutward, run } = definition
  let listing: ToolListing | undefined
  return {
    name,
    listing: () => {
      listing ??= {
        name,
        title,
        description,
        inputSchema: schemaOf(input, 'input'),
        outputSchema: withError(schemaOf(output, 'output')),
        annotations: {
          readOnlyHint: isReading,
          destructiveHint: false,
          idempotentHint: isReading,
          openWorldHint: isOutward,
        },
      }
      return listing
    },
    async call(args, context) {
      try {
        const parsed = input.safeParse(args ?? {})
        if (!parsed.success) {
          const refusal = new GatewayError('INVALID_REQUEST', issuesOf(name, parsed.error))
          context.refused(refusal)
          return failed(refusal)
        }
        const { content, structured } = await run(parsed.data, context)
        return { content: [...content], structuredContent: output.parse(structured) }
      } catch (thrown) {
        return failed(errorOf(thrown, context.signal))
      }
    },
  }
}

/** The result of a tool that failed: our sentence and the reason, never what a stranger threw. */
export function failed(error: GatewayError): ToolResult {
  const told: ToldError = toldError(error)
  const partialText = error instanceof BrokenAnswer ? error.partialText : ''
  const said = partialText === '' ? [] : [{ type: 'text', text: partialText } as const]
  return {
    isError: true,
    content: [{ type: 'text', text: `${told.reason}: ${told.message}` }, ...said],
    structuredContent: { error: told, ...(partialText === '' ? {} : { partial_text: partialText }) },
  }
}

const errorSchema = z.object({
  reason: z.string().describe('reason from the closed list of the service, such as RATE_LIMITED'),
  code: z.string().describe('canonical status code, such as UNAVAILABLE'),
  message: z.string(),
  origin: z.enum(['client', 'gateway', 'upstream']),
  provider: z.string().optional(),
  model: z.string().optional(),
  retry_delay_ms: z.number().optional(),
})

function schemaOf(schema: z.ZodObject, io: 'input' | 'output'): ObjectSchema {
  // The dialect is left open: clients check with whichever they have.
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, target: 'draft-7' })
  return { ...json, type: 'object' }
}

/** Clients check the structured content of errors, too: either all of an answer is there, or an error. */
function withError(schema: ObjectSchema): ObjectSchema {
  const { required = [], properties = {}, ...rest } = schema
  return {
    ...rest,
    properties: {
      ...(typeof properties === 'object' ? properties : {}),
      error: schemaOf(errorSchema, 'output'),
      partial_text: { type: 'string', description: 'what was said before the answer broke' },
    },
    anyOf: [
      { type: 'object', required },
      { type: 'object', required: ['error'] },
    ],
  }
}

function issuesOf(tool: string, { issues }: z.ZodError): string {
  const told = issues.slice(0, 10).map(({ path, message }) => {
    const words = message.charAt(0).toLowerCase() + message.slice(1)
    return path.length === 0 ? words : `${path.join('.')}: ${words}`
  })
  return `the arguments of ${tool} do not fit its schema: ${told.join('; ')}`
}
