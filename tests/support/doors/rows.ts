// Makes the tests of a row: one for each door that has the feature, and one that no row of the file is forgotten.
import { describe, expect, it } from 'vitest'
import type { Asked } from './door.ts'
import {
  type DoorName,
  doorNames,
  doors,
  type Feature,
  type FeatureName,
  featureNames,
  features,
  lack,
} from './features.ts'

// A silence of 10 s is among them.
const CHECK_MS = 60_000

/** Tests a feature through one door. `mark` is different for each of these tests. */
export type Check = (asked: Asked, place: { readonly name: DoorName; readonly mark: string }) => Promise<void>

/** Adds the tests of some rows, which must be all of a file. */
export function testRows(
  file: Feature['file'],
  url: () => string,
  checks: Partial<Readonly<Record<FeatureName, Check>>>,
): void {
  for (const feature of featureNames) {
    const check = checks[feature]
    if (check === undefined) continue
    describe(features[feature].title, () => {
      for (const name of doorNames) {
        if (lack(feature, name) !== undefined) continue
        it(`through ${doors[name].name}`, { timeout: CHECK_MS }, () =>
          check(doors[name].to({ url: url() }), { name, mark: `${feature} ${name}` }),
        )
      }
    })
  }

  it('these are all rows of docs/compat.md that name this file', () => {
    const named = featureNames.filter(feature => features[feature].file === file)
    expect(Object.keys(checks).toSorted()).toEqual(named.toSorted())
  })
}

/** What a door has; throws when it is not there although the list says so. */
export function has<T>(ability: T | undefined): T {
  if (ability === undefined) throw new Error('the door has no such ability')
  return ability
}
