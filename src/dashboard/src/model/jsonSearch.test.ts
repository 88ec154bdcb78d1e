import fc from 'fast-check'
import { expect, test } from 'vitest'
import { markMatches, searchJson } from './jsonSearch.ts'

const VALUE = {
  rows: [
    { id: 3544790567247868102n, state: 'Failed' },
    { id: 7, state: 'done' },
  ],
  failedAt: null,
}

test('keys and values are found in any case, with what leads to them', () => {
  const found = searchJson(VALUE, ' FAILED ')

  expect(found).toMatchObject({ count: 2, isCut: false })
  expect([...(found?.entries.get(VALUE) ?? [])]).toEqual(['rows', 'failedAt'])
  expect([...(found?.entries.get(VALUE.rows) ?? [])]).toEqual(['0'])
})

test('integers are found exactly, and places in lists are no keys', () => {
  expect(searchJson(VALUE, '3544790567247868102')?.count).toBe(1)
  expect(searchJson([['x']], '0')?.count).toBe(0)
  expect(searchJson(VALUE, '  ')).toBeNull()
})

test('a search ends after a thousand matches', () => {
  const found = searchJson(Array(5_000).fill('a'), 'a')

  expect(found).toMatchObject({ count: 1_000, isCut: true })
})

test('matches are marked, and the parts are the text', () => {
  expect(markMatches('Failed, then failed', 'failed')).toEqual([
    { text: 'Failed', isMatch: true },
    { text: ', then ', isMatch: false },
    { text: 'failed', isMatch: true },
  ])
  expect(markMatches('Straße', 'strasse')).toEqual([{ text: 'Straße', isMatch: true }])
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, search) => {
      expect(
        markMatches(text, search)
          .map((part) => part.text)
          .join(''),
      ).toBe(text)
    }),
  )
})
