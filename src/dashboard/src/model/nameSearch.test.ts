import { expect, test } from 'vitest'
import { searchNames } from './nameSearch.ts'

const NAMES = ['hourly-etl', 'metlife', 'etl-nightly', 'Nhật ký']

function found(text: string): string[] {
  return searchNames(NAMES, text, (name) => [name])
}

test('names that begin with the text come first, then those with a word that does', () => {
  expect(found('etl')).toEqual(['etl-nightly', 'hourly-etl', 'metlife'])
})

test('all words have to be there, whatever their order, case and accents', () => {
  expect(found('nightly ETL')).toEqual(['etl-nightly'])
  expect(found('nhat')).toEqual(['Nhật ký'])
  expect(found('etl billing')).toEqual([])
})

test('without text, all names stay in their order', () => {
  expect(found(' ')).toEqual(NAMES)
})
