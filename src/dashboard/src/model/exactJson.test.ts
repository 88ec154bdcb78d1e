import fc from 'fast-check'
import { expect, test } from 'vitest'
import { markIntegers, printJson, restoreIntegers } from './exactJson.ts'

function read(text: string): unknown {
  return restoreIntegers(JSON.parse(markIntegers(text)))
}

test('integers of 64 bits are read and printed exactly', () => {
  const text = '{"account":3544790567247868102,"ids":[9007199254740993,-9223372036854775808],"small":9007199254740991}'

  expect(read(text)).toEqual({
    account: 3544790567247868102n,
    ids: [9007199254740993n, -9223372036854775808n],
    small: 9007199254740991,
  })
  expect(printJson(read(text))).toBe(text)
})

test('numbers within strings and fractions stay what they are', () => {
  const value = { 'id 9007199254740993': 'a "9007199254740993" \\', cost: 0.1, large: 1e300 }

  expect(read(JSON.stringify(value))).toEqual(value)
})

test('any JSON value is read as it is, and printed as it was', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: fc.constantFrom('\uE000', '1', '"', '\\', 'e') }),
  )
  const scalars = fc.oneof(texts, fc.integer(), fc.double({ noInteger: true, noNaN: true }), fc.constant(null))
  const values = fc.dictionary(texts, fc.oneof(scalars, fc.array(scalars), fc.dictionary(texts, scalars)))
  fc.assert(
    fc.property(values, (value) => {
      const text = JSON.stringify(value)
      expect(printJson(read(text))).toBe(text)
      expect(read(text)).toEqual(JSON.parse(text))
    }),
  )
})
