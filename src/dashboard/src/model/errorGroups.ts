import type { Filter } from './filter.ts'
import { narrow } from './filter.ts'

const HOUR = 3_600_000

/** For how long a group can be muted, in milliseconds. */
export const MUTES = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR, month: 30 * 24 * HOUR } as const
export type Mute = keyof typeof MUTES

/** What a page may show of the error groups: those that are new, someone's own, or nobody's. */
export const SELECTIONS = ['all', 'new', 'mine', 'unassigned'] as const
export type Selection = (typeof SELECTIONS)[number]

interface Group {
  readonly isNew: boolean
  readonly annotation: { readonly assignee: string | null; readonly mutedUntil: string | null } | null
}

/** Whether the group is muted at `now` (milliseconds). */
export function isMuted({ annotation }: Group, now: number): boolean {
  return annotation?.mutedUntil != null && Date.parse(annotation.mutedUntil) > now
}

/** Until when a mute that begins at `now` lasts, as the server takes it. */
export function muteEnd(mute: Mute, now: number): string {
  return new Date(now + MUTES[mute]).toISOString()
}

/** Whether the selection has the group; `viewer` is the user who looks. */
export function isSelected({ isNew, annotation }: Group, selection: Selection, viewer: string): boolean {
  if (selection === 'new') return isNew
  if (selection === 'mine') return annotation?.assignee === viewer
  return selection === 'all' || annotation?.assignee == null
}

/** Whether `text` is the name of a selection. */
export function isSelection(text: string | null): text is Selection {
  return SELECTIONS.some((each) => each === text)
}

/** The filter that finds the executions in the group among those of `filter`. */
export function inGroup(filter: Filter, id: string): Filter {
  return narrow(filter, { field: 'errorGroup', operator: 'eq', values: [id] })
}
