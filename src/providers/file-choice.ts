// Which forms a stored file can be given in here: what the kind of provider takes, the model reads, and the host has a form for.
import type { ProviderConfig } from '../config/snapshot.ts'
import type { StoredFile } from '../core/files.ts'
import type { ModelEntry } from '../core/model.ts'
import { type FileForm, fileFormsFor, fileRuleFor } from './file-forms.ts'
import type { FormEndpoint } from './given.ts'
import type { Dialect } from './openai-dialect/dialect.ts'
import { mediaForm, readsForm } from './openai-dialect/media.ts'

/** A file, and who is to be shown it. */
export interface FormQuestion {
  readonly model: ModelEntry
  readonly file: StoredFile
  readonly endpoint: FormEndpoint
  /** Whether anything can be uploaded. */
  readonly uploads: boolean
}

/** The forms, best first; a text that is there is always among them, since any model can be given one. */
export function formsOf(
  {
    kind,
    dialect,
  }: { readonly kind: ProviderConfig['kind']; readonly dialect: Pick<Dialect, 'media' | 'mediaOnlyUrls'> },
  { model, file, endpoint, uploads }: FormQuestion,
): readonly FileForm[] {
  const { sizeBytes } = file
  const mimeType = file.mimeType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const isMedium = /^(?:image|audio|video)\//.test(mimeType)
  // The Responses wire has one form for all documents.
  const wire = endpoint === 'responses' && !isMedium ? 'file' : mediaForm(dialect, mimeType)
  const question = { mimeType, sizeBytes, model: model.id, endpoint }
  const becomesText = fileRuleFor(kind, question)?.becomesText === true
  const isRead = wire !== undefined && (becomesText || readsForm(model, wire))
  const isInline = isRead && dialect.mediaOnlyUrls?.includes(wire) !== true
  const hasText = file.text.state === 'ready'
  const forms = fileFormsFor(kind, question).filter(form => {
    switch (form.form) {
      case 'text':
        return form.by === 'gateway' ? hasText : uploads
      case 'inline':
        return isInline
      case 'uploaded':
        return isRead && uploads
      case 'url':
        // Ours has none that a provider could fetch.
        return false
      default:
        return form satisfies never
    }
  })
  const isText = (form: FileForm) => form.form === 'text' && form.by === 'gateway'
  return hasText && !forms.some(isText) ? [...forms, { form: 'text', by: 'gateway' }] : forms
}
