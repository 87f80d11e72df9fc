// Holds the reading of npm's audit against answers in npm's own form, and the list of install scripts against lock files.
import { describe, expect, it } from 'vitest'
import { auditOf, unlistedScripts } from '../../../scripts/audit.ts'

// As npm 11 prints it (docs.npmjs.com/cli/v11/commands/npm-audit).
const report = (vulnerabilities: object): string =>
  JSON.stringify({ auditReportVersion: 2, vulnerabilities, metadata: { vulnerabilities: { total: 1 } } })

describe('the audit of packages', () => {
  it('is clean when nothing is known against them', () => {
    expect(auditOf(report({}))).toEqual({ type: 'clean' })
  })

  it('names every package with a high or critical weakness, and none with a lesser one', () => {
    const text = report({
      one: { name: 'one', severity: 'high' },
      two: { name: 'two', severity: 'moderate' },
      three: { name: 'three', severity: 'critical' },
    })
    expect(auditOf(text)).toEqual({ type: 'weak', packages: ['one', 'three'] })
  })

  it('is unanswered where the registry has no such endpoint, and says so', () => {
    const text = JSON.stringify({ message: '405 Method Not Allowed', error: { summary: '', detail: '' } })
    expect(auditOf(text)).toEqual({ type: 'unanswered', why: '405 Method Not Allowed' })
    expect(auditOf('npm ERR! nothing')).toEqual({ type: 'unanswered', why: 'npm audit printed no JSON' })
  })

  it('finds install scripts that nobody has decided about, also of nested packages', () => {
    const lock = {
      packages: {
        '': { version: '1.0.0' },
        'node_modules/plain': { version: '1.0.0' },
        'node_modules/allowed': { hasInstallScript: true },
        'node_modules/refused': { hasInstallScript: true },
        'node_modules/plain/node_modules/@a/strange': { hasInstallScript: true },
      },
    }
    expect(unlistedScripts(lock, { allowed: true, refused: false })).toEqual(['@a/strange'])
  })
})
