import { conjunctsOf, describeCondition, isCondition, type Filter } from './filter.ts'
import { formatCount } from './numbers.ts'
import { nameStatus, type Status } from './status.ts'

const PRODUCT = 'Execution Monitor'
// Tabs and histories show little more.
const MAX_LENGTH = 60
const SYMBOLS: Partial<Record<Status, string>> = { COMPLETED: '✓', FAILED: '✗', TIMED_OUT: '✗', RUNNING: '▶' }

/** The title of the page of the access keys. */
export const TITLE_OF_KEYS = `Access keys – ${PRODUCT}`

/** The title of the list: `(3) Status is Failed – Execution Monitor`, with the number of new executions. */
export function titleOfList(filter: Filter, waiting: number): string {
  const names = conjunctsOf(filter).map((node) => {
    if (!isCondition(node)) return '…'
    const { field, operator, value } = describeCondition(node)
    return [field, operator, value].filter((word) => word !== '').join(' ')
  })
  const name = names.length === 0 ? 'Executions' : shorten(names.join(', '))
  return `${waiting > 0 ? `(${formatCount(waiting)}) ` : ''}${name} – ${PRODUCT}`
}

/** The title of an execution: `✗ ci-pipeline failed – Execution Monitor`. */
export function titleOfExecution(workflowName: string, status: Status): string {
  const symbol = SYMBOLS[status]
  const prefix = symbol === undefined ? '' : `${symbol} `
  return `${prefix}${shorten(workflowName)} ${nameStatus(status).toLowerCase()} – ${PRODUCT}`
}

function shorten(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text
}
