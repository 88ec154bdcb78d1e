import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  ALL_LINES,
  append,
  appendRepeated,
  indexOfKey,
  keyOfLine,
  LEVELS,
  linesBefore,
  prepend,
  select,
  timeOfKey,
  type LogLine,
  type Tail,
} from './logLines.ts'

const EMPTY: Tail<LogLine> = { lines: [], dropped: 0 }

function line(message: string, level: LogLine['level'] = 'INFO'): LogLine {
  return { at: '2026-11-01T12:00:00Z', level, message, stepId: null }
}

test('the oldest lines are dropped where there are too many, and counted', () => {
  const tail = append(append(EMPTY, [line('a'), line('b')], 3), [line('c'), line('d')], 3)

  expect(tail.lines.map((each) => each.message)).toEqual(['b', 'c', 'd'])
  expect(tail.dropped).toBe(1)
})

test('older lines are put before the tail, up to the limit', () => {
  const tail = prepend(append(EMPTY, [line('c')], 3), [line('a'), line('b'), line('bb')], 3)

  expect(tail.lines.map((each) => each.message)).toEqual(['b', 'bb', 'c'])
})

test('a page ends where the tail starts, even where lines arrived late', () => {
  const at = (second: number): LogLine => ({ ...line(`at ${second}`), at: new Date(second * 1000).toISOString() })
  const tail = append(EMPTY, [at(5), at(6), at(3)])

  const lines = linesBefore([at(2), at(3), at(4), { ...at(5), stepId: 's1' }, at(5), at(6), at(7)], tail)

  expect(lines).toEqual([at(2), at(4), { ...at(5), stepId: 's1' }])
})

test('a whole page precedes an empty tail', () => {
  expect(linesBefore([line('a'), line('b')], EMPTY)).toEqual([line('a'), line('b')])
})

test('a level includes more severe ones, and a search ignores case', () => {
  const lines = [line('Disk Full', 'ERROR'), line('disk ok'), line('full moon', 'WARNING'), line('x', 'DEBUG')]

  expect(select(lines, { ...ALL_LINES, minLevel: 'WARNING' }).map((each) => each.message)).toEqual([
    'Disk Full',
    'full moon',
  ])
  expect(select(lines, { ...ALL_LINES, search: ' DISK ' }).map((each) => each.message)).toEqual([
    'Disk Full',
    'disk ok',
  ])
})

test('the lines of one step are those with its id', () => {
  const [of, other] = [
    { ...line('a'), stepId: 's1' },
    { ...line('b'), stepId: 's10' },
  ]

  expect(select([of, other, line('c')], { ...ALL_LINES, stepId: 's1' })).toEqual([of])
})

test('the newest lines are kept in their order', () => {
  const batches = fc.array(fc.array(fc.string().map((text) => line(text, LEVELS[text.length % 5]))))

  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 20 }), (added, most) => {
      const tail = added.reduce((before, lines) => append(before, lines, most), EMPTY)

      expect(tail.lines).toEqual(added.flat().slice(-most))
      expect(tail.dropped + tail.lines.length).toBe(added.flat().length)
    }),
  )
})

test('a search ignores case, normal forms and colours', () => {
  const lines = ['\x1b[1m\x1b[31mFA\x1b[0m\x1b[31mILED\x1b[0m model', 'Grüße', 'ΟΔΟΣ', 'ok'].map((each) => line(each))
  const find = (search: string) => select(lines, { ...ALL_LINES, search }).length

  expect(find('failed')).toBe(1)
  expect(find('GRU\u0308SSE')).toBe(1)
  expect(find('οδος')).toBe(1)
  expect(find('31m')).toBe(0)
})

test('lines that a subscription repeats are not shown twice, whether older ones were loaded or not', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((each) => line(each)) as [LogLine, LogLine, LogLine, LogLine]

  expect(appendRepeated({ lines: [a, b, c], dropped: 0 }, [b, c, d])).toEqual({ lines: [a, b, c, d], dropped: 0 })
  expect(appendRepeated(EMPTY, [a, b])).toEqual({ lines: [a, b], dropped: 0 })
  expect(appendRepeated({ lines: [a], dropped: 0 }, [])).toEqual({ lines: [a], dropped: 0 })
  expect(appendRepeated({ lines: [a, b], dropped: 0 }, [d])).toBeNull()
})

test('a key finds its line again among lines of the same time', () => {
  const lines = [line('one'), line('two'), { ...line('two'), stepId: 's1' }]
  const keys = lines.map(keyOfLine)

  expect(new Set(keys).size).toBe(3)
  expect(keys.map((key) => indexOfKey(lines, key))).toEqual([0, 1, 2])
  expect(keys.map(timeOfKey)).toEqual(Array(3).fill(Date.parse('2026-11-01T12:00:00Z')))
  expect(indexOfKey(lines, keyOfLine(line('three')))).toBe(-1)
  expect([timeOfKey('not a key'), indexOfKey(lines, 'not a key')]).toEqual([null, -1])
})
