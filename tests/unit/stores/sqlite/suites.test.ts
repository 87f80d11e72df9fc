// The embedded store keeps the contracts of core's ports, on a file and in memory.
import { conversationsSuite } from '../../../suites/conversations.ts'
import { filesSuite } from '../../../suites/files.ts'
import { journalSuite } from '../../../suites/journal.ts'
import { keysSuite } from '../../../suites/keys.ts'
import { usageSuite } from '../../../suites/usage.ts'
import { openSqliteRig } from '../../../support/store-rig.ts'

const places = {
  'sqlite in a file': () => openSqliteRig(),
  'sqlite in memory': () => openSqliteRig({ path: ':memory:' }),
}

for (const [name, open] of Object.entries(places)) {
  journalSuite(name, open)
  conversationsSuite(name, open)
  filesSuite(name, open)
  usageSuite(name, open)
  keysSuite(name, open)
}
