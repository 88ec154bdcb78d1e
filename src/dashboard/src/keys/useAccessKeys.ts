import type { Client } from 'urql'
import type { ResultOf, VariablesOf } from '../graphql/graphql.ts'
import { useRecords } from '../graphql/useRecords.ts'
import { CREATE_KEY, KEYS, REVOKE_KEY, type MadeKey } from './operations.ts'

const sendQuery = (client: Client, after: string | null) => client.query(KEYS, { after }).toPromise()
const pageOf = ({ viewer, accessKeys }: ResultOf<typeof KEYS>) => ({ viewer, records: accessKeys })

/** The access keys that the caller may see, and what changes them. What changes one throws an Error for people. */
export function useAccessKeys() {
  const { records: keys, viewer, next, error, read, change, add, replace } = useRecords(sendQuery, pageOf)

  async function create(input: VariablesOf<typeof CREATE_KEY>['input']): Promise<MadeKey> {
    const { createAccessKey } = await change((client) => client.mutation(CREATE_KEY, { input }).toPromise())
    add(createAccessKey.accessKey)
    return createAccessKey
  }

  async function revoke(id: string): Promise<void> {
    const { revokeAccessKey } = await change((client) => client.mutation(REVOKE_KEY, { id }).toPromise())
    replace(revokeAccessKey.accessKey)
  }

  return { keys, viewer, next, error, read, create, revoke }
}
