// Makes the tracer of the process; OpenTelemetry is loaded only when there is a collector to tell.
import { passOn } from './trace-context.ts'
import type { Tracer, TracerDeps } from './tracing.ts'

/** Makes it. */
export async function createTracer({ settings, ...deps }: TracerDeps): Promise<Tracer> {
  if (settings === undefined) return { trace: passOn, close: async () => undefined }
  const { createOtelTracer } = await import('./otel.ts')
  return createOtelTracer({ ...deps, settings })
}
