// Clients of grpc-js, made at run time from the contract as it is written.
import { join } from 'node:path'
import { type Client, credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { root } from './tools.ts'

/** A client of a service in a file of exai/v1. Its methods are those of the contract, which the caller names in `Made`. */
export function grpcJsClient<Made extends Client>(file: string, service: string, port: number): Made {
  const definition = loadSync(`exai/v1/${file}`, {
    includeDirs: [join(root, 'proto')],
    keepCase: true,
    enums: String,
    longs: String,
    oneofs: true,
  })
  // Made at run time from the proto files: its shape is the contract's.
  const { exai } = loadPackageDefinition(definition) as unknown as {
    readonly exai: { readonly v1: Readonly<Record<string, new (...args: unknown[]) => Made>> }
  }
  const Made = exai.v1[service]
  if (Made === undefined) throw new Error(`${file} has no service ${service}`)
  return new Made(`127.0.0.1:${port}`, credentials.createInsecure())
}
