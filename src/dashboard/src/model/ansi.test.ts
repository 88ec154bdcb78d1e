import { expect, test } from 'vitest'
import { stripEscapes, toSpans } from './ansi.ts'

test('escape sequences do not stand in the way of reading and searching', () => {
  expect(stripEscapes('\x1b[1m\x1b[31mFA\x1b[0m\x1b[31mILED\x1b[0m model')).toBe('FAILED model')
  expect(stripEscapes('\x1b]8;;https://x.example\x07link\x1b]8;;\x07 \x1b[2K\x1b(Bdone\x1b7')).toBe('link done')
  expect(stripEscapes('plain [31m')).toBe('plain [31m')
})

test('colours become parts with names', () => {
  const plain = { colour: null, background: null, isBold: false, isUnderlined: false }

  expect(toSpans('\x1b[1;31mFAILED\x1b[0m after \x1b[4;92m3\x1b[0m')).toEqual([
    { ...plain, text: 'FAILED', colour: 'red', isBold: true },
    { ...plain, text: ' after ' },
    { ...plain, text: '3', colour: 'bright-green', isUnderlined: true },
  ])
  expect(toSpans('\x1b[7;31mnote\x1b[0m')).toEqual([{ ...plain, text: 'note', colour: 'black', background: 'red' }])
})

test('colours of the palette and of 24 bits become their values', () => {
  expect(toSpans('\x1b[38;5;208ma\x1b[38;5;240mb\x1b[38;2;1;2;3mc').map((part) => part.colour)).toEqual([
    '255, 135, 0',
    '88, 88, 88',
    '1, 2, 3',
  ])
})

test('what is no colour is left out, and text is never markup', () => {
  expect(toSpans('\x1b[2K\x1b]0;title\x07<b>\x1b[31m&amp;').map((part) => part.text)).toEqual(['<b>', '&amp;'])
})
