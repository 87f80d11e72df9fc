// Stands in for every RPC of the contract that this version does not have.
import type { DescMethod, DescService } from '@bufbuild/protobuf'
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect'

/** Handlers of all RPCs of a service, each answering UNIMPLEMENTED with its own name. */
export function unavailable<T extends DescService>(service: T): Partial<ServiceImpl<T>> {
  const handlers = service.methods.map(method => [method.localName, refusing(method)])
  // The names and shapes come from the descriptor; its type cannot be followed through fromEntries.
  return Object.fromEntries(handlers) as Partial<ServiceImpl<T>>
}

function refusing({ parent, name }: DescMethod): () => never {
  return () => {
    throw new ConnectError(`${parent.typeName}.${name} is not available in this version`, Code.Unimplemented)
  }
}
