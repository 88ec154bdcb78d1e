import { expect, test } from 'vitest'
import { exportAddresses, nameOfFile, reasonOfIncomplete, startOfRows } from './exports.ts'

const PATH = '/api/v1/workflow-management/executions/export'

test('an export has the filter and the order of the list', () => {
  expect(exportAddresses('csv', { filter: {}, order: [{ field: 'DURATION', direction: 'DESC' }] })).toEqual([
    `${PATH}?format=csv&sort_by=total_duration%3Adesc`,
  ])
  const [address = ''] = exportAddresses('jsonl', { filter: { status: { in: ['FAILED'] } }, order: [] })
  expect(new URL(address, 'http://x').searchParams.get('filter')).toBe('{"status":{"in":["FAILED"]}}')
})

test('many ids are exported with several requests, in order, none of which is too long', () => {
  const ids = Array.from({ length: 230 }, (_, place) => `manual__2026-11-28T01:00:00+00:00/${place}`)

  const addresses = exportAddresses('csv', { ids, order: [] })

  const found = addresses.flatMap((address) => {
    const filter = JSON.parse(new URL(address, 'http://x').searchParams.get('filter') ?? '') as {
      executionId: { in: string[] }
    }
    return filter.executionId.in
  })
  expect(addresses.length).toBe(3)
  expect(found).toEqual(ids)
  expect(Math.max(...addresses.map((address) => address.length))).toBeLessThan(16_000)
})

test('the last line says why a file is incomplete', () => {
  expect(reasonOfIncomplete('csv', '"a","b"\r\n"# Incomplete: not ""all""."\r\n')).toBe('not "all".')
  expect(reasonOfIncomplete('csv', '"a","b"\r\n')).toBeNull()
  expect(reasonOfIncomplete('jsonl', '{"a":1}\n{"incomplete":"not all."}\n')).toBe('not all.')
  expect(reasonOfIncomplete('jsonl', '{"execution_id":"incomplete"}\n')).toBeNull()
})

test('files are joined without the names of the second, and keep the name that the server gives', () => {
  expect(startOfRows('csv', '"a","b"\r\n"1"')).toBe(9)
  expect(startOfRows('jsonl', '{"a":1}\n')).toBe(0)
  expect(nameOfFile('attachment; filename="executions-20261129T015242Z.csv"', 'csv')).toBe(
    'executions-20261129T015242Z.csv',
  )
  expect(nameOfFile(null, 'jsonl')).toBe('executions.jsonl')
})
