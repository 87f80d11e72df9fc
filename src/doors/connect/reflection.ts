// Server reflection, v1 and v1alpha, so that grpcurl and the like need no .proto files:
// https://github.com/grpc/grpc/blob/master/doc/server-reflection.md
import { type DescFile, type DescService, toBinary } from '@bufbuild/protobuf'
import { nestedTypes } from '@bufbuild/protobuf/reflect'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import { file_exai_v1_error } from '#gen/exai/v1/error_pb'
import type { ServerReflection } from '#gen/grpc/reflection/v1/reflection_pb'
import type { ServerReflection as ServerReflectionAlpha } from '#gen/grpc/reflection/v1alpha/reflection_pb'
import { StatusCode } from '../../core/errors.ts'

// Both versions have the same shapes.
interface Question {
  readonly host: string
  readonly messageRequest: { readonly case?: string | undefined; readonly value?: unknown }
}

type Finding =
  | { case: 'fileDescriptorResponse'; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: 'listServicesResponse'; value: { service: { name: string }[] } }
  | { case: 'errorResponse'; value: { errorCode: number; errorMessage: string } }

/** Both reflection services over these services, and over files that no service refers to. */
export function reflectionServices(
  services: readonly DescService[],
  others: readonly DescFile[],
): {
  readonly v1: ServiceImpl<typeof ServerReflection>
  readonly v1alpha: ServiceImpl<typeof ServerReflectionAlpha>
} {
  const find = createFinder(services, others)
  return {
    v1: { serverReflectionInfo: requests => answers(find, requests) },
    v1alpha: { serverReflectionInfo: requests => answers(find, requests) },
  }
}

async function* answers<Q extends Question>(
  find: (question: Question) => Finding,
  questions: AsyncIterable<Q>,
) {
  for await (const question of questions) {
    yield { validHost: question.host, originalRequest: question, messageResponse: find(question) }
  }
}

function createFinder(
  services: readonly DescService[],
  others: readonly DescFile[],
): (question: Question) => Finding {
  const files = new Map<string, DescFile>()
  for (const file of [...services.map(service => service.file), ...others]) addFile(files, file)
  // No service imports it, and grpcurl needs it to show the details of an error.
  addFile(files, file_exai_v1_error)
  const symbols = new Map(
    [...files.values()].flatMap(file => symbolsOf(file).map(name => [name, file] as const)),
  )
  const names = services.map(({ typeName }) => ({ name: typeName }))
  return ({ messageRequest: { case: kind, value } }) => {
    const name = typeof value === 'string' ? value : ''
    switch (kind) {
      case 'listServices':
        return { case: 'listServicesResponse', value: { service: names } }
      case 'fileByFilename':
        return found(files.get(name), `no file has the name ${name}`)
      case 'fileContainingSymbol':
        return found(symbols.get(name.replace(/^\./, '')), `no symbol has the name ${name}`)
      default:
        // The contract has no extensions.
        return missing('there is no such extension')
    }
  }
}

function addFile(files: Map<string, DescFile>, file: DescFile): void {
  if (files.has(file.proto.name)) return
  files.set(file.proto.name, file)
  for (const dependency of file.dependencies) addFile(files, dependency)
}

function symbolsOf(file: DescFile): readonly string[] {
  return [...nestedTypes(file)].flatMap(type => {
    const inside = (members: readonly { readonly name: string }[]): readonly string[] =>
      members.map(({ name }) => `${type.typeName}.${name}`)
    switch (type.kind) {
      case 'message':
        return [type.typeName, ...inside(type.fields), ...inside(type.oneofs)]
      case 'service':
        return [type.typeName, ...inside(type.methods)]
      case 'enum': {
        // The values of an enum are names of the scope that the enum is in, as in C++.
        const scope = type.typeName.slice(0, type.typeName.lastIndexOf('.') + 1)
        return [type.typeName, ...type.values.map(({ name }) => scope + name)]
      }
      case 'extension':
        return [type.typeName]
      default:
        return type satisfies never
    }
  })
}

// The file and all that it imports, as the other implementations give it.
function found(file: DescFile | undefined, otherwise: string): Finding {
  if (file === undefined) return missing(otherwise)
  const needed = new Map<string, DescFile>()
  addFile(needed, file)
  const bytes = [...needed.values()].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto))
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto: bytes } }
}

function missing(message: string): Finding {
  return { case: 'errorResponse', value: { errorCode: StatusCode.NOT_FOUND, errorMessage: message } }
}
