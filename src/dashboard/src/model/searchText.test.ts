import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toSearchText } from './searchText.ts'

test.each([
  ['Straße', 'STRASSE'],
  ['STRAẞE', 'strasse'],
  ['ΟΔΟΣ', 'οδος'],
  ['οδος', 'οδοσ'],
  ['Zürich', 'ZU\u0308RICH'],
  ['ﬁle', 'FILE'],
  ['TITLE', 'title'],
])('%s equals %s', (one, other) => {
  expect(toSearchText(one)).toBe(toSearchText(other))
})

test('the dotless i of Turkish is a letter of its own', () => {
  expect(toSearchText('ı')).not.toBe(toSearchText('i'))
})

test('normal forms and a second pass change nothing', () => {
  const letters = fc.constantFrom('ß', 'ẞ', 'ς', 'Σ', 'İ', 'ı', 'é', 'e\u0301', 'ﬁ', 'K', 'ΐ', 'Å', 'ŉ', '가', 'a', 'A')
  fc.assert(
    fc.property(fc.string({ unit: letters }), (text) => {
      expect(toSearchText(text.normalize('NFD'))).toBe(toSearchText(text.normalize('NFC')))
      expect(toSearchText(toSearchText(text))).toBe(toSearchText(text))
    }),
  )
})
