import { expect, test } from 'vitest'
import { mergeAlert } from './alerts.ts'

const at = (id: string, minute: number, state = 'FIRING') => ({ id, state, firedAt: `2026-11-01T00:0${minute}:00Z` })
const LIST = [at('c', 3), at('a', 1)]

test('a new alert has its place by when it fired', () => {
  expect(mergeAlert(LIST, at('b', 2), null).map(({ id }) => id)).toEqual(['c', 'b', 'a'])
  expect(mergeAlert(LIST, at('0', 0), null).map(({ id }) => id)).toEqual(['c', 'a', '0'])
})

test('an alert that changed is there once, as it is now', () => {
  expect(mergeAlert(LIST, at('c', 3, 'RESOLVED'), null)).toEqual([at('c', 3, 'RESOLVED'), at('a', 1)])
})

test('an alert leaves a list of another state', () => {
  expect(mergeAlert(LIST, at('c', 3, 'RESOLVED'), 'FIRING')).toEqual([at('a', 1)])
})
