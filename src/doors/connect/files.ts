// The files service: each RPC hands its messages to the files of tenants and their answer back, and nothing else.
import type { ServiceImpl } from '@connectrpc/connect'
import type { FilesService } from '#gen/exai/v1/files_service_pb'
import type { TenantFiles } from '../../files/files.ts'
import { exchangeOf } from './served.ts'

/** The RPCs of the files service. */
export function filesService(files: TenantFiles): ServiceImpl<typeof FilesService> {
  return {
    uploadFile: (messages, context) => files.upload(exchangeOf(context), messages),
    createFile: (request, context) => files.create(exchangeOf(context), request),
    getFile: (request, context) => files.get(exchangeOf(context), request),
    listFiles: (request, context) => files.list(exchangeOf(context), request),
    downloadFile: (request, context) => files.download(exchangeOf(context), request),
    deleteFile: (request, context) => files.delete(exchangeOf(context), request),
  }
}
