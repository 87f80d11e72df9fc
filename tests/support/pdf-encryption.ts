// The standard security handler of PDF, revision 2, with RC4 and keys of 40 bits: ISO 32000-1, 7.6.3.
import { createHash } from 'node:crypto'

/** Algorithm 2, step a: what a shorter password is filled up with. */
const PADDING = Buffer.from('28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a', 'hex')
const PERMISSIONS = -4

/** Encrypts a file. */
export interface Encryption {
  /** The value of `Encrypt` and of `ID` in the trailer. */
  readonly dictionary: string
  readonly id: string
  /** The bytes of a stream in the object of this number, encrypted. */
  seal(bytes: Uint8Array, number: number): Uint8Array
}

/** Makes the encryption of a file that opens with a password; the owner's is `owner`. */
export function encryptionOf(userPassword: string): Encryption {
  const id = Buffer.from('0123456789abcdef')
  const owner = rc4(md5(padded('owner')).subarray(0, 5), padded(userPassword))
  const permissions = Buffer.alloc(4)
  permissions.writeInt32LE(PERMISSIONS)
  const key = md5(padded(userPassword), owner, permissions, id).subarray(0, 5)
  const user = rc4(key, PADDING)
  const name = `<${id.toString('hex')}>`
  return {
    dictionary: `<< /Filter /Standard /V 1 /R 2 /O <${owner.toString('hex')}> /U <${user.toString('hex')}> /P ${PERMISSIONS} >>`,
    id: `[${name} ${name}]`,
    seal: (bytes, number) =>
      rc4(md5(key, Buffer.from([number & 255, (number >> 8) & 255, 0, 0, 0])).subarray(0, 10), bytes),
  }
}

function padded(password: string): Buffer {
  return Buffer.concat([Buffer.from(password, 'latin1'), PADDING]).subarray(0, 32)
}

function md5(...parts: readonly Uint8Array[]): Buffer {
  return createHash('md5').update(Buffer.concat(parts)).digest()
}

/** By hand: OpenSSL has it only where somebody allowed what is old. */
function rc4(key: Uint8Array, bytes: Uint8Array): Buffer {
  const state = Uint8Array.from({ length: 256 }, (_, index) => index)
  const swap = (a: number, b: number): void => {
    const kept = state[a] ?? 0
    state[a] = state[b] ?? 0
    state[b] = kept
  }
  for (let i = 0, j = 0; i < 256; i += 1) {
    j = (j + (state[i] ?? 0) + (key[i % key.length] ?? 0)) & 255
    swap(i, j)
  }
  let i = 0
  let j = 0
  return Buffer.from(
    bytes.map(byte => {
      i = (i + 1) & 255
      j = (j + (state[i] ?? 0)) & 255
      swap(i, j)
      return byte ^ (state[((state[i] ?? 0) + (state[j] ?? 0)) & 255] ?? 0)
    }),
  )
}
