import { expect, test } from 'vitest'
import { extendTo, inOrder, NO_SELECTION, toggleAll, toggleOne } from './selection.ts'

const SHOWN = ['a', 'b', 'c', 'd']

test('one is chosen, and not any more', () => {
  const one = toggleOne(NO_SELECTION, 'b')

  expect([...one.ids]).toEqual(['b'])
  expect([...toggleOne(one, 'b').ids]).toEqual([])
})

test('a range begins at the one chosen last, in either direction, and repeats what was done to it', () => {
  const upwards = extendTo(toggleOne(NO_SELECTION, 'c'), 'a', SHOWN)
  const removed = extendTo(toggleOne(upwards, 'b'), 'c', SHOWN)

  expect([...upwards.ids].sort()).toEqual(['a', 'b', 'c'])
  expect([...removed.ids]).toEqual(['a'])
})

test('a range without a beginning is its end', () => {
  expect([...extendTo(NO_SELECTION, 'b', SHOWN).ids]).toEqual(['b'])
  expect([...extendTo(toggleOne(NO_SELECTION, 'gone'), 'b', SHOWN).ids]).toEqual(['gone', 'b'])
})

test('all that are shown are chosen, then none', () => {
  const all = toggleAll(toggleOne(NO_SELECTION, 'b'), SHOWN)

  expect(all.ids.size).toBe(4)
  expect(toggleAll(all, SHOWN).ids.size).toBe(0)
})

test('the chosen ones come in the order of the list', () => {
  const chosen = toggleOne(toggleOne(toggleOne(NO_SELECTION, 'gone'), 'd'), 'a')

  expect(inOrder(chosen, SHOWN)).toEqual(['a', 'd', 'gone'])
})
