import type { Status } from './status.ts'

/** The fields of a step that put it into a row. */
export interface RowStep {
  stepId: string
  name: string
  kind: string | null
  status: Status
  attempt: number
}

/** A step with its attempts, the first of them first: engines that keep one document for each share a `stepId`. */
export interface StepRow<S> {
  type: 'step'
  key: string
  attempts: readonly [S, ...S[]]
  /** The last attempt. */
  latest: S
  isInGroup: boolean
}

/** A heading over the steps of one group. */
export interface GroupRow<S> {
  type: 'group'
  key: string
  name: string
  steps: readonly StepRow<S>[]
  failed: number
  isOpen: boolean
}

export type TimelineRow<S> = StepRow<S> | GroupRow<S>

/** What groups are made of. */
export type Grouping = 'none' | 'name' | 'kind'
export const GROUPINGS: readonly Grouping[] = ['none', 'name', 'kind']

/** A row for each step, with its attempts in their order. */
export function toRows<S extends RowStep>(steps: readonly S[]): StepRow<S>[] {
  const byId = new Map<string, [S, ...S[]]>()
  for (const step of steps) {
    const attempts = byId.get(step.stepId)
    if (attempts === undefined) byId.set(step.stepId, [step])
    else attempts.push(step)
  }
  return [...byId].map(([stepId, attempts]) => {
    attempts.sort((one, other) => one.attempt - other.attempt)
    return { type: 'step', key: stepId, attempts, latest: attempts.at(-1) ?? attempts[0], isInGroup: false }
  })
}

/** Whether the last attempt of a step failed or timed out. */
export function hasFailed<S extends RowStep>(row: StepRow<S>): boolean {
  return row.latest.status === 'FAILED' || row.latest.status === 'TIMED_OUT'
}

/**
 * The rows under headings of their groups, in the order of the first step of each; those of closed groups are left out.
 *
 * Steps that are alone in their group stay as they are.
 */
export function groupRows<S extends RowStep>(
  rows: readonly StepRow<S>[],
  by: Grouping,
  open: ReadonlySet<string>,
): readonly TimelineRow<S>[] {
  if (by === 'none') return rows
  const groups = new Map<string, StepRow<S>[]>()
  for (const row of rows) {
    const name = groupOf(row.latest, by)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [row])
    else group.push(row)
  }
  return [...groups].flatMap(([name, steps]): TimelineRow<S>[] => {
    if (steps.length === 1) return steps
    const isOpen = open.has(name)
    const failed = steps.filter(hasFailed).length
    const heading: GroupRow<S> = { type: 'group', key: `group ${name}`, name, steps, failed, isOpen }
    return isOpen ? [heading, ...steps.map((row) => ({ ...row, isInGroup: true }))] : [heading]
  })
}

/** The name of a step's group: its kind, or its name without the numbers that tell similar steps apart. */
function groupOf(step: RowStep, by: Grouping): string {
  return by === 'kind' ? (step.kind ?? '–') : step.name.replace(/\d+/g, '#')
}
