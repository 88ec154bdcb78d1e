import fc from 'fast-check'
import { expect, test } from 'vitest'
import { between, pan, place, within, zoom } from './timeWindow.ts'

const ALL = { from: 1_000, to: 11_000 }

test('zooming keeps the time under the pointer where it is', () => {
  expect(zoom(ALL, ALL, 0.5, 0.2)).toEqual({ from: 2_000, to: 7_000 })
  expect(zoom({ from: 2_000, to: 7_000 }, ALL, 2, 0.2)).toEqual(ALL)
})

test('moving stops at the ends', () => {
  const shown = { from: 2_000, to: 4_000 }

  expect(pan(shown, ALL, 0.5)).toEqual({ from: 3_000, to: 5_000 })
  expect(pan(shown, ALL, -9)).toEqual({ from: 1_000, to: 3_000 })
  expect(pan(shown, ALL, 9)).toEqual({ from: 9_000, to: 11_000 })
})

test('a range that is drawn from its end to its start is chosen, and a click is not', () => {
  expect(between(ALL, 0.5, 0.1)).toEqual({ from: 2_000, to: 6_000 })
  expect(between(ALL, 0.5, 0.501)).toBeNull()
})

test('what is partly seen is cut, and what is not seen has no place', () => {
  const shown = { from: 2_000, to: 4_000 }

  expect(place({ from: 1_000, to: 3_000 }, shown)).toEqual({ left: 0, width: 0.5 })
  expect(place({ from: 3_000, to: 9_000 }, shown)).toEqual({ left: 0.5, width: 0.5 })
  expect(place({ from: 5_000, to: 9_000 }, shown)).toBeNull()
})

test('whatever is zoomed and moved, the range stays within all and has a length', () => {
  const moves = fc.array(
    fc.tuple(fc.double({ min: 0.01, max: 50, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
  )
  fc.assert(
    fc.property(moves, (drawn) => {
      let shown = ALL
      for (const [factor, at] of drawn) shown = pan(zoom(shown, ALL, factor, at), ALL, at - 0.5)
      expect(within(shown, ALL)).toEqual(shown)
      expect(shown.to).toBeGreaterThan(shown.from)
    }),
  )
})
