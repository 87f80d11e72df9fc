// The settings that exist, as .env.example has them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../support/tools.ts'

/** The name of every setting of exai. */
export const settingNames: ReadonlySet<string> = new Set(
  [...readFileSync(join(root, '.env.example'), 'utf8').matchAll(/^# ([A-Z_0-9]+)=/gm)].map(
    ([, name = '']) => name,
  ),
)
