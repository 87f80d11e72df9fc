// Given to Node with --import: writes which files a process has loaded, one URL in a line, when it ends.
import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const path = process.env['LOADED_FILE']
const urls: string[] = []
registerHooks({
  load(url, context, next) {
    urls.push(url)
    return next(url, context)
  },
})
process.on('exit', () => {
  if (path !== undefined) writeFileSync(path, urls.join('\n'))
})
