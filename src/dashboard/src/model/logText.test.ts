import { expect, test } from 'vitest'
import { countLines, drawnText } from './logText.ts'

const TRACEBACK =
  'Traceback (most recent call last):\n  File "load.py", line 7, in run\n    check(row)\nValueError: row 42'

test('a message of several lines keeps them', () => {
  expect(drawnText(`${TRACEBACK}\n`)).toBe(TRACEBACK)
  expect(countLines(`${TRACEBACK}\n`)).toBe(4)
})

test('of a progress bar the last state is drawn', () => {
  expect(drawnText('10%\r50%\r100%\n')).toBe('100%')
  expect(drawnText('load\r\n50%\r\x1b[K\r\ndone')).toBe('load\n50%\ndone')
  expect(countLines('10%\r50%\r100%\n')).toBe(1)
})

test('what is left out of a very long message is counted', () => {
  const message = Array.from({ length: 1_000 }, (_, index) => `row ${index}`).join('\n')

  expect(drawnText(message).split('\n')).toHaveLength(countLines(message))
  expect(drawnText(message)).toMatch(/row 498\n… 501 more lines$/)
})
