// Gives a provider the stored files of a chat, each in the best form that its kind, account, model and endpoint take.
import { Warning_Reason } from '#gen/exai/v1/warning_pb'
import type { ProviderConfig } from '../config/snapshot.ts'
import type { ChatFiles, FileGiving } from '../core/chat-files.ts'
import type { Clock } from '../core/clock.ts'
import { GatewayError } from '../core/errors.ts'
import type { StoredFile } from '../core/files.ts'
import type { AttemptInput } from '../core/provider.ts'
import type { FileApi } from './file-api.ts'
import { formsOf } from './file-choice.ts'
import { type CopyPlace, copyOf, type FileCopy, forgetLost } from './file-copies.ts'
import { formFault, hasNoPlace, notGiven } from './file-faults.ts'
import { type FileForm, referenceUrl } from './file-forms.ts'
import { type FilePlaces, placesOf, replaceFiles, sentBytes } from './file-places.ts'
import { createFileRoom, type FileRoom } from './file-room.ts'
import { partOf, type Shown, wholeOf } from './file-shown.ts'
import { providerText } from './file-text.ts'
import type { FormEndpoint } from './given.ts'
import type { Dialect } from './openai-dialect/dialect.ts'

/** What a giver is made from. */
export interface FileGiverDeps {
  /** Id of the provider. */
  readonly provider: string
  readonly kind: ProviderConfig['kind']
  readonly dialect: Pick<Dialect, 'media' | 'mediaOnlyUrls'>
  /** Which endpoint a chat goes to. Default: chat completions. */
  readonly endpointOf?: ((input: AttemptInput) => FormEndpoint) | undefined
  /** Whether anything can be uploaded. */
  readonly uploads: boolean
  readonly clock: Clock
}

/** An attempt whose chat names files. */
export interface FilesInput extends AttemptInput {
  readonly files: ChatFiles
}

/** Whether a chat may name files. */
export function hasFiles<Input extends AttemptInput>(input: Input): input is Input & FilesInput {
  return input.files !== undefined
}

/** Which way a chat with files goes. */
export interface GivingWay {
  readonly account: string
  /** The files of the key. Absent: nothing is uploaded. */
  readonly api?: FileApi | undefined
  /** Gives only what is text already. Default false. */
  readonly onlyText?: boolean
}

/** A chat with its files given. */
export interface Given {
  readonly messages: AttemptInput['messages']
  /** How copies are named in them. */
  readonly names: ReadonlySet<string>
  readonly copies: readonly FileCopy[]
  readonly endpoint: FormEndpoint
  /** Lets go of the bytes. */
  release(): void
}

/** Gives files. */
export interface FileGiver {
  /** Accounts that have copies of what would be uploaded, those with the most first; none where nothing would be. */
  owners(input: FilesInput): Promise<readonly string[]>
  /**
   * Gives the files. Throws UNSUPPORTED, UPSTREAM_UNAVAILABLE or UPSTREAM_LIMITED, against nobody and naming the field, for one
   * that could be given in no form; UPSTREAM_CREDENTIALS when the key is refused; OVERLOADED; and the signal's reason.
   */
  give(input: FilesInput, way: GivingWay, signal: AbortSignal): Promise<Given>
  /** Forgets those of the copies that the provider has lost, and says whether there were any. */
  forgetLost(given: Given, input: FilesInput, way: GivingWay): Promise<boolean>
}

/** The bytes, base64 of them, the JSON that holds it, and the JSON as bytes; measured is a peak of 6.3 with what is not collected yet. */
const COPIES_IN_MEMORY = 6
/** How many files are uploaded at once for one chat. */
const AT_ONCE = 4
/** How long a host or key without a place for uploads is not asked again, in milliseconds. */
const NO_PLACE_MS = 600_000

interface Work {
  readonly input: FilesInput
  readonly way: GivingWay
  readonly endpoint: FormEndpoint
  readonly signal: AbortSignal
  readonly shown: Map<string, Shown>
  readonly copies: FileCopy[]
  readonly room: FileRoom
}

/** Makes the giver of one provider. It remembers which accounts have no place for uploads. */
export function createFileGiver(deps: FileGiverDeps): FileGiver {
  const { provider, clock } = deps
  const noPlaceUntil = new Map<string, number>()

  const endpointOf = (input: AttemptInput): FormEndpoint => deps.endpointOf?.(input) ?? 'chat/completions'

  function takesUploads({ account, api, onlyText }: GivingWay): boolean {
    return api !== undefined && onlyText !== true && (noPlaceUntil.get(account) ?? 0) <= clock.monotonic()
  }

  function placeOf({ account, api }: GivingWay, giving: FileGiving): CopyPlace | undefined {
    return api && { provider, account, api, giving }
  }

  async function uploaded(
    { input, way, copies, signal }: Work,
    file: StoredFile,
    form: Extract<FileForm, { readonly purpose: string }>,
  ): Promise<Shown> {
    const place = placeOf(way, input.files.giving)
    if (place === undefined) return { as: 'left' }
    try {
      if (form.form === 'text')
        return { as: 'text', text: await providerText(file, form.purpose, place, signal) }
      const copy = await copyOf(file, form.purpose, place, signal)
      copies.push(copy)
      const { id } = copy.remote
      const url = referenceUrl(form.reference, id)
      const source =
        url === undefined ? ({ case: 'fileId', value: id } as const) : ({ case: 'url', value: url } as const)
      return { as: 'copy', source }
    } catch (error) {
      if (error instanceof GatewayError && hasNoPlace(error))
        noPlaceUntil.set(way.account, clock.monotonic() + NO_PLACE_MS)
      throw error
    }
  }

  /** A count shows texts that are there, and only where a chat would be given them. */
  function formsFor({ input, way, endpoint }: Work, file: StoredFile, shown: number): readonly FileForm[] {
    const isCount = way.onlyText === true
    const uploads = isCount ? deps.uploads : takesUploads(way)
    const all = formsOf(deps, { model: input.model, file, endpoint, uploads })
    const forms = shown > 0 ? all : all.filter(({ form }) => form === 'text')
    return isCount ? forms.slice(0, 1).filter(form => form.form === 'text' && form.by === 'gateway') : forms
  }

  /** Undefined when there is nothing to show in that form. */
  async function given(work: Work, file: StoredFile, form: FileForm): Promise<Shown | undefined> {
    switch (form.form) {
      case 'inline':
        return { as: 'inline' }
      case 'url':
        return undefined
      default: {
        if (form.form === 'uploaded' || form.by === 'provider') return uploaded(work, file, form)
        const text = await work.input.files.giving.text(file)
        return text === undefined ? undefined : { as: 'text', text }
      }
    }
  }

  async function shownAs(work: Work, file: StoredFile, place: FilePlaces): Promise<Shown> {
    let fault: GatewayError | undefined
    let isLack = false
    for (const form of formsFor(work, file, place.shown)) {
      try {
        const shown = await given(work, file, form)
        if (shown === undefined) continue
        const excess = work.room.take(shown, file.sizeBytes, place, form.togetherBytesMax)
        if (excess === undefined) return shown
        fault ??= excess
        isLack = true
      } catch (error) {
        fault = formFault(error, work.signal)
        isLack ||= fault.reason === 'FILE_NOT_FOUND'
      }
    }
    if (place.shown === 0) return { as: 'left' }
    return lacking(work, file, place, { fault, isLack })
  }

  /** A conversation does not end because a file of its history cannot be shown any more, unless nothing may be left out. */
  function lacking(
    { input }: Work,
    file: StoredFile,
    { field, isKept }: FilePlaces,
    { fault, isLack }: { readonly fault: GatewayError | undefined; readonly isLack: boolean },
  ): Shown {
    if (!isKept || !isLack || input.request.strict) throw notGiven(input, field, file, fault)
    const message = `the file ${file.id} cannot be shown again, and a note stands in its place`
    input.warn({ reason: Warning_Reason.DROPPED, field, message })
    return { as: 'note' }
  }

  async function showAll(work: Work, places: readonly FilePlaces[]): Promise<void> {
    const { files } = work.input
    // One that fails ends the others: nobody waits for them any more.
    const ending = new AbortController()
    const one = { ...work, signal: AbortSignal.any([work.signal, ending.signal]) }
    const queue = places.values()
    const worker = async (): Promise<void> => {
      for (const place of queue) {
        const file = files.stored.get(place.id)
        if (file !== undefined) work.shown.set(place.id, await shownAs(one, file, place))
      }
    }
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
    } finally {
      ending.abort(new GatewayError('CANCELLED', 'another file could not be given'))
    }
  }

  /** Reads what goes inline, once there is room in memory for all of it. */
  async function load(
    work: Work,
    places: readonly FilePlaces[],
  ): Promise<{ readonly bytes: ReadonlyMap<string, Uint8Array>; readonly release: () => void }> {
    const { input, signal, shown } = work
    const { stored, giving } = input.files
    const inline = places.flatMap(place => {
      const file = stored.get(place.id)
      return file !== undefined && shown.get(place.id)?.as === 'inline' ? [{ place, file }] : []
    })
    const bytes = new Map<string, Uint8Array>()
    if (inline.length === 0) return { bytes, release: () => undefined }
    const sum = inline.reduce((most, { place, file }) => most + file.sizeBytes * place.shown, 0)
    const letGo = await giving.hold(sum * COPIES_IN_MEMORY, signal)
    try {
      for (const { place, file } of inline) {
        try {
          bytes.set(place.id, await wholeOf(file, giving.read(file), signal))
        } catch (error) {
          const fault = formFault(error, signal)
          const text = file.text.state === 'ready' ? await giving.text(file) : undefined
          const words = text === undefined ? undefined : ({ as: 'text', text } as const)
          const fits = words && work.room.take(words, file.sizeBytes, place) === undefined
          const isLack = fault.reason === 'FILE_NOT_FOUND'
          shown.set(place.id, fits ? words : lacking(work, file, place, { fault, isLack }))
        }
      }
    } catch (error) {
      letGo()
      throw error
    }
    let isHeld = true
    const release = (): void => {
      if (isHeld) letGo()
      isHeld = false
    }
    return { bytes, release }
  }

  return {
    async owners(input) {
      const { stored, giving } = input.files
      const endpoint = endpointOf(input)
      const keys = [...stored.values()]
        .filter(
          file =>
            formsOf(deps, { model: input.model, file, endpoint, uploads: deps.uploads })[0]?.form ===
            'uploaded',
        )
        .map(({ blobKey }) => blobKey)
      return keys.length === 0 ? [] : giving.owners(provider, keys)
    },
    async give(input, way, signal) {
      const kept = Math.max(0, input.messages.length - input.request.messages.length)
      const places = placesOf(input.messages, kept)
      const work: Work = {
        input,
        way,
        endpoint: endpointOf(input),
        signal,
        shown: new Map(),
        copies: [],
        room: createFileRoom(provider, sentBytes(input.messages)),
      }
      await showAll(work, places)
      const { bytes, release } = await load(work, places)
      const messages = replaceFiles(input.messages, (media, isShown) => {
        const id = media.source.value
        const file = typeof id === 'string' ? input.files.stored.get(id) : undefined
        const shown = typeof id === 'string' ? work.shown.get(id) : undefined
        if (file === undefined || shown === undefined) return undefined
        return partOf(media, { file, shown, isShown, bytes: bytes.get(file.id) })
      })
      const names = [...work.shown.values()].flatMap(shown =>
        shown.as === 'copy' ? [shown.source.value] : [],
      )
      return { messages, names: new Set(names), copies: work.copies, endpoint: work.endpoint, release }
    },
    async forgetLost({ copies }, input, way) {
      const place = placeOf(way, input.files.giving)
      return place !== undefined && forgetLost(copies, place, input.signal)
    },
  }
}
