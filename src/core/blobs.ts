// The port for the bytes of files.

/** Bytes that were found in a stream. */
export interface BlobFacts {
  /** SHA-256, 64 lower-case hexadecimal digits. */
  readonly sha256: string
  /** 0 or more. */
  readonly sizeBytes: number
}

/** Bytes that are kept. */
export interface KeptBlob extends BlobFacts {
  /** Names them: the hash and something of their own, so that what is being deleted and what has come again never meet. */
  readonly key: string
}

/** A blob as it lies there. */
export interface ListedBlob {
  readonly key: string
  readonly sizeBytes: number
  /** When it was last written to, in milliseconds since the Unix epoch. */
  readonly modifiedAt: number
}

/** Keeps bytes in constant memory, however many they are. Every method throws STORAGE_FULL or INTERNAL. */
export interface Blobs {
  /**
   * Keeps what comes. Resolves when it is safe. `check` sees what came before it is kept, and refuses it by throwing; when
   * it throws, or the stream does, nothing stays and the same error is thrown.
   */
  put(chunks: AsyncIterable<Uint8Array>, check?: (facts: BlobFacts) => void): Promise<KeptBlob>
  /**
   * Reads from an offset on, at most `length` bytes, in chunks of at most 256 KiB. FILE_NOT_FOUND when there is no such blob.
   * One that is removed meanwhile is read to its end.
   */
  read(key: string, offset: number, length: number): AsyncGenerator<Uint8Array>
  /** Frees the bytes; false when they were gone already. */
  remove(key: string): Promise<boolean>
  /** Every blob that is kept, in no order. */
  list(): AsyncGenerator<ListedBlob>
  /** Frees what broken uploads left, if nothing was written to it since; gives how many there were. */
  sweep(unchangedSince: number): Promise<number>
}
