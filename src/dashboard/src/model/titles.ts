import { messages } from '../messages/messages.ts'
import { conjunctsOf, describeCondition, isCondition, type Filter } from './filter.ts'
import { formatCount } from './numbers.ts'
import { nameStatus, type Status } from './status.ts'

// Tabs and histories show little more.
const MAX_LENGTH = 60
const SYMBOLS: Partial<Record<Status, string>> = { COMPLETED: '✓', FAILED: '✗', TIMED_OUT: '✗', RUNNING: '▶' }

/** The title of the page `name`: `Access keys – Execution Monitor`. */
export function titleOfPage(name: string): string {
  return `${name} – ${messages.app.name}`
}

/** The title of the list: `(3) Status is Failed – Execution Monitor`, with the number of new executions. */
export function titleOfList(filter: Filter, waiting: number): string {
  const names = conjunctsOf(filter).map((node) => {
    if (!isCondition(node)) return '…'
    const { field, operator, value } = describeCondition(node)
    return [field, operator, value].filter((word) => word !== '').join(' ')
  })
  const name = names.length === 0 ? messages.app.executions : shorten(names.join(', '))
  return titleOfPage(`${waiting > 0 ? `(${formatCount(waiting)}) ` : ''}${name}`)
}

/** The title of an execution: `✗ ci-pipeline failed – Execution Monitor`. */
export function titleOfExecution(workflowName: string, status: Status): string {
  const symbol = SYMBOLS[status]
  const prefix = symbol === undefined ? '' : `${symbol} `
  return titleOfPage(`${prefix}${shorten(workflowName)} ${nameStatus(status).toLowerCase()}`)
}

function shorten(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text
}
