import type { Client } from 'urql'
import type { ResultOf, VariablesOf } from '../graphql/graphql.ts'
import { useRecords } from '../graphql/useRecords.ts'
import { CREATE_RULE, DELETE_RULE, RULES, UPDATE_RULE } from './operations.ts'

const sendQuery = (client: Client, after: string | null) => client.query(RULES, { after }).toPromise()
const pageOf = ({ viewer, alertRules }: ResultOf<typeof RULES>) => ({ viewer, records: alertRules })

/** The rules that the caller may list, and what changes them. What changes one throws an Error for people. */
export function useRules() {
  const { records: rules, change, add, replace, drop, ...list } = useRecords(sendQuery, pageOf)

  async function create(input: VariablesOf<typeof CREATE_RULE>['input']): Promise<void> {
    const { createAlertRule } = await change((client) => client.mutation(CREATE_RULE, { input }).toPromise())
    add(createAlertRule.alertRule)
  }

  async function update(id: string, input: VariablesOf<typeof UPDATE_RULE>['input']): Promise<void> {
    const { updateAlertRule } = await change((client) => client.mutation(UPDATE_RULE, { id, input }).toPromise())
    replace(updateAlertRule.alertRule)
  }

  async function remove(id: string): Promise<void> {
    await change((client) => client.mutation(DELETE_RULE, { id }).toPromise())
    drop(id)
  }

  return { ...list, rules, create, update, remove }
}
