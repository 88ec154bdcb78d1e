import { expect, test } from 'vitest'
import { nameLogFile, printLine } from './logFile.ts'

const LINE = {
  at: '2026-11-01T12:00:00.007Z',
  level: 'ERROR' as const,
  message: '\x1b[31mfailed\x1b[0m\n',
  stepId: 's1',
  attributes: { row: 7 },
}

test('a file has one line for each, as text without colours or as JSON with attributes', () => {
  expect(printLine(LINE, 'text')).toBe('2026-11-01T12:00:00.007Z ERROR [s1] failed\n')
  expect(printLine({ ...LINE, stepId: null }, 'text')).toBe('2026-11-01T12:00:00.007Z ERROR failed\n')
  expect(JSON.parse(printLine(LINE, 'json'))).toEqual(LINE)
})

test('the name of a file has no part that systems do not allow', () => {
  expect(nameLogFile('dag/run:1 é', 'text')).toBe('dag_run_1_.log')
  expect(nameLogFile('run-1', 'json')).toBe('run-1.log.jsonl')
})
