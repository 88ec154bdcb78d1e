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

/** The title of the overview: `✗ 12 failed, 3 running – Execution Monitor`. */
export function titleOfOverview(failed: number, running: number): string {
  const state = [...(failed > 0 ? [messages.overview.failedInTitle(formatCount(failed))] : [])]
  if (running > 0) state.push(messages.overview.runningInTitle(formatCount(running)))
  return titleOfPage(state.length === 0 ? messages.overview.title : state.join(', '))
}

/** The title of the failures: `✗ Failures, 2 new – Execution Monitor`, with the number of groups that are new. */
export function titleOfFailures(fresh: number): string {
  const { title, newInTitle } = messages.failures
  return titleOfPage(fresh === 0 ? title : `✗ ${title}, ${newInTitle(formatCount(fresh))}`)
}

/** The title of a workflow: `✗ ci-pipeline – Execution Monitor`, with how its latest run ended; null where none has. */
export function titleOfWorkflow(name: string, latest: Status | null): string {
  return titleOfPage(`${symbolOf(latest)}${shorten(name)}`)
}

/** The title of an execution: `✗ ci-pipeline failed – Execution Monitor`. */
export function titleOfExecution(workflowName: string, status: Status): string {
  return titleOfPage(`${symbolOf(status)}${shorten(workflowName)} ${nameStatus(status).toLowerCase()}`)
}

function symbolOf(status: Status | null): string {
  const symbol = status === null ? undefined : SYMBOLS[status]
  return symbol === undefined ? '' : `${symbol} `
}

function shorten(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH - 1)}…` : text
}
