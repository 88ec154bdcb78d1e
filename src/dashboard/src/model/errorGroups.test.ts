import { describe, expect, it } from 'vitest'
import { inGroup, isMuted, isSelected, isSelection, muteEnd } from './errorGroups.ts'
import { EVERYTHING } from './filter.ts'

const NOW = Date.parse('2026-11-29T03:00:00Z')

function group(assignee: string | null = null, mutedUntil: string | null = null, isNew = false) {
  return { isNew, annotation: { assignee, mutedUntil } }
}

describe('a mute of an error group', () => {
  it('holds until its end', () => {
    expect(isMuted(group(null, '2026-11-29T03:00:01Z'), NOW)).toBe(true)
    expect(isMuted(group(null, '2026-11-29T03:00:00Z'), NOW)).toBe(false)
    expect(isMuted(group(), NOW)).toBe(false)
    expect(isMuted({ isNew: false, annotation: null }, NOW)).toBe(false)
  })

  it('lasts as long as was chosen', () => {
    expect(muteEnd('hour', NOW)).toBe('2026-11-29T04:00:00.000Z')
    expect(muteEnd('week', NOW)).toBe('2026-12-06T03:00:00.000Z')
  })
})

describe('a selection of error groups', () => {
  it('has all, the new ones, those of the viewer, or those of nobody', () => {
    const groups = [group('ada'), group('grace', null, true), group(), { isNew: true, annotation: null }]
    const selected = (name: 'all' | 'new' | 'mine' | 'unassigned') =>
      groups.map((each) => isSelected(each, name, 'ada'))

    expect(selected('all')).toEqual([true, true, true, true])
    expect(selected('new')).toEqual([false, true, false, true])
    expect(selected('mine')).toEqual([true, false, false, false])
    expect(selected('unassigned')).toEqual([false, false, true, true])
  })

  it('has one of four names', () => {
    expect(['all', 'mine', 'x', null].map(isSelection)).toEqual([true, true, false, false])
  })
})

it('narrows a filter to the executions in a group', () => {
  const condition = { field: 'errorGroup', operator: 'eq', values: ['id'] }
  const status = { field: 'status', operator: 'in', values: ['FAILED'] } as const

  expect(inGroup(EVERYTHING, 'id')).toEqual(condition)
  expect(inGroup(status, 'id')).toEqual({ all: [status, condition] })
})
