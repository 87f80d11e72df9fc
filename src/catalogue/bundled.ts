// The table of models that ships with the gateway: public facts about the providers' models, each with its source.
import models from './models.json' with { type: 'json' }
import { type ModelTable, parseModels } from './parse.ts'

/** Reads the bundled table; its `problems` are empty in every released version. */
export function bundledModels(): ModelTable {
  return parseModels(models)
}
