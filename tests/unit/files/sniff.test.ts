// What the first bytes of a file say of its type.
import { describe, expect, test } from 'vitest'
import { contradiction, sniffType } from '../../../src/files/sniff.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const PNG = bytes('\x89PNG\r\n\x1a\n\0\0\0\rIHDR')
const ZIP = bytes('PK\x03\x04\x14\0\0\0')

describe('the type of bytes without a claim', () => {
  test.each([
    ['image/png', PNG],
    ['image/jpeg', bytes('\xff\xd8\xff\xe0')],
    ['image/gif', bytes('GIF89a\x01')],
    ['image/webp', bytes('RIFF\x24\0\0\0WEBPVP8 ')],
    ['application/pdf', bytes('%PDF-1.7\n%\xe2\xe3')],
    ['application/zip', ZIP],
    ['video/mp4', bytes('\0\0\0\x20ftypisom')],
    ['video/quicktime', bytes('\0\0\0\x14ftypqt  ')],
    ['audio/wav', bytes('RIFF\x24\0\0\0WAVEfmt ')],
    ['audio/mpeg', bytes('ID3\x04\0\0\0\0')],
    ['text/plain', bytes('BMW and ID3 are words')],
    ['text/plain', Buffer.from('漢字 🎉')],
    ['text/plain', Buffer.from('﻿with a mark', 'utf16le')],
    ['application/octet-stream', bytes('\x00\x01\x02')],
  ])('is %s', (type, head) => {
    expect(sniffType(head)).toBe(type)
  })

  test('is text also when the head ends within a character', () => {
    expect(sniffType(Buffer.from('€€€').subarray(0, 8))).toBe('text/plain')
    expect(sniffType(Buffer.from('a🎉').subarray(0, 4))).toBe('text/plain')
  })
})

describe('a claim', () => {
  test.each([
    ['image/png', bytes('hello'), 'not that type by its first bytes'],
    ['image/png', bytes('\xff\xd8\xff'), 'image/jpeg by its first bytes'],
    ['text/plain', PNG, 'image/png by its first bytes'],
    ['application/pdf', ZIP, 'application/zip by its first bytes'],
    ['image/webp', ZIP, 'application/zip by its first bytes'],
    ['text/csv', bytes('a,b\0c'), 'no text: a zero byte is among its first bytes'],
    ['video/mp4', PNG, 'image/png by its first bytes'],
  ])('of %s is contradicted', (claimed, head, why) => {
    expect(contradiction(head, claimed)).toBe(why)
  })

  test.each([
    ['image/png', PNG],
    ['application/octet-stream', PNG],
    ['application/vnd.openxmlformats-officedocument.wordprocessingml.document', ZIP],
    ['application/epub+zip', ZIP],
    ['application/pdf', bytes(`${'x'.repeat(500)}%PDF-1.4`)],
    ['text/plain', bytes('BM begins this text')],
    ['text/markdown', Buffer.from('﻿x', 'utf16le')],
    ['text/csv', bytes('caf\xe9')],
    ['audio/webm', bytes('\x1aE\xdf\xa3')],
    ['application/x-our-own', bytes('\0\x01')],
    ['image/svg+xml', bytes('<svg/>')],
  ])('of %s is not contradicted', (claimed, head) => {
    expect(contradiction(head, claimed)).toBeUndefined()
  })
})
