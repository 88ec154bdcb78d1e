import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  comparePath,
  executionIdOf,
  executionPath,
  listPath,
  movedListPath,
  workflowNameOf,
  workflowPath,
} from './paths.ts'

function idAt(address: string): string | null {
  // Resolves and encodes an address as browsers do.
  const { pathname, search } = new URL(address, 'https://monitor.example/')
  return executionIdOf(pathname, search)
}

test('the address of an execution leads to it, whatever its id', () => {
  const ids = ['manual__2026-11-28T01:00:00+00:00', 'path/to/media file', '..', '.', 'a//b', '100%', 'a?b#c', '日本語']

  expect(ids.map((id) => idAt(executionPath(id)))).toEqual(ids)
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (id) => {
      expect(idAt(executionPath(id))).toBe(id)
    }),
  )
})

function workflowAt(address: string): string | null {
  const { pathname, search } = new URL(address, 'https://monitor.example/')
  return workflowNameOf(pathname, search)
}

test('the address of a workflow leads to it, whatever its name and the query', () => {
  const names = ['ci-pipeline', 'etl/nightly', '..', '', 'a//b', '100%', 'a?b#c', 'hóa đơn']
  const query = 'filter=status:in(FAILED)&since=-24h'

  expect(names.map((name) => workflowAt(workflowPath(name)))).toEqual(names)
  expect(names.map((name) => workflowAt(workflowPath(name, query)))).toEqual(names)
  expect(workflowPath('ci-pipeline', query)).toBe(`/workflows/ci-pipeline?${query}`)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      expect(workflowAt(workflowPath(name, query))).toBe(name)
    }),
  )
  expect(workflowAt('/executions/x')).toBeNull()
})

test('the address of a comparison has both ids, whatever they consist of', () => {
  const { pathname, searchParams } = new URL(comparePath('a&b=c', 'path/to 100%'), 'https://monitor.example/')

  expect([pathname, searchParams.get('a'), searchParams.get('b')]).toEqual(['/compare', 'a&b=c', 'path/to 100%'])
})

test('an address that was typed or made by another tool leads to the execution too', () => {
  expect(idAt('/executions/manual__2026-11-28T01:00:00+00:00')).toBe('manual__2026-11-28T01:00:00+00:00')
  expect(idAt('/executions/path%2Fto/media file?tab=logs')).toBe('path/to/media file')
  expect(idAt('/executions/100%')).toBe('100%')
})

test('an address without an id is of no execution', () => {
  expect(idAt('/executions/')).toBeNull()
  expect(idAt('/')).toBeNull()
})

test('an address of the list from before it moved leads to the same list', () => {
  for (const query of [
    'filter=any(status:in(FAILED,TIMED_OUT)+errorCode:isNull(false))&density=compact&sort=-DURATION',
    'filter=workflowName:contains(100%25)',
    'since=-24h',
    'since=2026-11-01T10:00:00Z&until=2026-11-02T10:00:00Z',
    'sort=TOTAL_COST',
    'columns=workflow,status,tokens',
    'density=compact',
  ]) {
    expect(movedListPath(query)).toBe(listPath(query))
    expect(movedListPath(`?${query}`)).toBe(`/executions?${query}`)
  }
  expect(movedListPath('')).toBeNull()
  expect(movedListPath('zone=UTC')).toBeNull()
})

test('the page of an execution keeps its selection, whatever its id is', () => {
  expect(executionPath('a/b', 'tab=logs')).toBe('/executions/a/b?tab=logs')
  const path = executionPath('..', 'tab=logs')
  const [pathname = '', query = ''] = path.split('?')
  expect(executionIdOf(pathname, query)).toBe('..')
  expect(new URLSearchParams(query).get('tab')).toBe('logs')
})
