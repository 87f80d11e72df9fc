// The pepper of the stored hashes: from the settings, or made once in DATA_DIR.
import { randomBytes } from 'node:crypto'
import { link, open, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { GatewayError } from '../core/errors.ts'

/** What the pepper depends on. */
export interface PepperSource {
  /** `KEY_PEPPER`. Absent: made in DATA_DIR when nobody else needs to know it. */
  readonly configured: string | undefined
  readonly dataDir: string
  /** Whether other replicas check the same keys. */
  readonly isShared: boolean
}

/** Name of the file in DATA_DIR. */
export const PEPPER_FILE = 'key-pepper'

const SHAPE = /^[A-Za-z0-9_-]{43}$/

/**
 * The pepper, made when there is none. UNSUPPORTED when replicas need the same one and none is configured; INTERNAL when
 * the file is damaged or cannot be written.
 */
export async function loadPepper({ configured, dataDir, isShared }: PepperSource): Promise<Uint8Array> {
  if (configured !== undefined) return Buffer.from(configured)
  if (isShared)
    throw new GatewayError('UNSUPPORTED', 'API keys need KEY_PEPPER when SUPABASE_URL is set: set both')
  const path = join(dataDir, PEPPER_FILE)
  const text = (await textOf(path)) ?? (await make(path))
  if (!SHAPE.test(text))
    throw new GatewayError(
      'INTERNAL',
      `${PEPPER_FILE} in DATA_DIR is damaged: put a backup back, or remove it and make all API keys anew`,
    )
  return Buffer.from(text)
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw unusable(cause)
  }
}

/** Written whole and then given its name: of two processes that begin together both go by the first one's. */
async function make(path: string): Promise<string> {
  const text = randomBytes(32).toString('base64url')
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${text}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    try {
      await link(draft, path)
    } catch (cause) {
      if (codeOf(cause) !== 'EEXIST') throw cause
    } finally {
      await unlink(draft)
    }
  } catch (cause) {
    throw unusable(cause)
  }
  return (await textOf(path)) ?? ''
}

function unusable(cause: unknown): GatewayError {
  const message = `${PEPPER_FILE} in DATA_DIR cannot be used: let this user read and write there, or set KEY_PEPPER`
  return new GatewayError('INTERNAL', message, { cause })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
