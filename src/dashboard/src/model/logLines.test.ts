import fc from 'fast-check'
import { expect, test } from 'vitest'
import { append, LEVELS, linesBefore, prepend, select, type Line, type Tail } from './logLines.ts'

const EMPTY: Tail<Line> = { lines: [], dropped: 0 }

function line(message: string, level: Line['level'] = 'INFO'): Line {
  return { at: '2026-11-01T12:00:00Z', level, message, stepId: null }
}

test('the oldest go when there are too many, and are counted', () => {
  const tail = append(append(EMPTY, [line('a'), line('b')], 3), [line('c'), line('d')], 3)

  expect(tail.lines.map((each) => each.message)).toEqual(['b', 'c', 'd'])
  expect(tail.dropped).toBe(1)
})

test('earlier lines come before, as many as there is room for', () => {
  const tail = prepend(append(EMPTY, [line('c')], 3), [line('a'), line('b'), line('bb')], 3)

  expect(tail.lines.map((each) => each.message)).toEqual(['b', 'bb', 'c'])
})

test('a page of lines goes no further than to the first that is there, whatever came late', () => {
  const at = (second: number): Line => ({ ...line(`at ${second}`), at: new Date(second * 1000).toISOString() })
  const tail = append(EMPTY, [at(5), at(6), at(3)])

  const lines = linesBefore([at(2), at(3), at(4), { ...at(5), stepId: 's1' }, at(5), at(6), at(7)], tail)

  expect(lines).toEqual([at(2), at(4), { ...at(5), stepId: 's1' }])
})

test('all of a page comes before nothing', () => {
  expect(linesBefore([line('a'), line('b')], EMPTY)).toEqual([line('a'), line('b')])
})

test('a level lets graver ones through, a search whatever the case', () => {
  const lines = [line('Disk Full', 'ERROR'), line('disk ok'), line('full moon', 'WARNING'), line('x', 'DEBUG')]

  expect(select(lines, { minLevel: 'WARNING', search: '' }).map((each) => each.message)).toEqual([
    'Disk Full',
    'full moon',
  ])
  expect(select(lines, { minLevel: 'DEBUG', search: ' DISK ' }).map((each) => each.message)).toEqual([
    'Disk Full',
    'disk ok',
  ])
})

test('whatever comes, the newest are kept in their order', () => {
  const batches = fc.array(fc.array(fc.string().map((text) => line(text, LEVELS[text.length % 5]))))

  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 20 }), (given, most) => {
      const tail = given.reduce((before, lines) => append(before, lines, most), EMPTY)

      expect(tail.lines).toEqual(given.flat().slice(-most))
      expect(tail.dropped + tail.lines.length).toBe(given.flat().length)
    }),
  )
})
