// What a browser must be allowed to send and read so that Connect and gRPC-Web work from a page.
import { cors } from '@connectrpc/connect'
import type { CorsNeeds } from '../../server/cors.ts'

/** Methods and headers of the Connect and gRPC-Web protocols. */
export const connectCorsNeeds: CorsNeeds = {
  methods: cors.allowedMethods,
  requestHeaders: cors.allowedHeaders,
  responseHeaders: cors.exposedHeaders,
}
