import { useQuery } from 'urql'
import { Link } from 'wouter'
import { explain } from '../graphql/client.ts'
import { graphql } from '../graphql/graphql.ts'
import { formatTotal } from '../model/quantities.ts'
import { Duration } from '../parts/Duration.tsx'
import { Moment } from '../parts/Moment.tsx'
import { Notice } from '../parts/Notice.tsx'
import { StatusBadge } from '../parts/StatusBadge.tsx'

const LIST = graphql(`
  query List {
    executions(first: 50) {
      totalCount
      totalCountIsExact
      nodes {
        id
        executionId
        workflowName
        status
        statusDetail
        createdAt
        startedAt
        durationSeconds
      }
    }
  }
`)

/** The executions, newest first. */
export function ListPage() {
  const [{ data, error }] = useQuery({ query: LIST, variables: {} })
  if (error !== undefined)
    return (
      <Notice kind="error" title="The executions cannot be read.">
        {explain(error)}
      </Notice>
    )
  if (data === undefined) return <Notice kind="loading" title="Loading …" />
  const { nodes, totalCount, totalCountIsExact } = data.executions
  return (
    <>
      <p>{formatTotal(totalCount, totalCountIsExact)} executions</p>
      <table>
        <tbody>
          {nodes.map((each) => (
            <tr key={each.id}>
              <td>
                <StatusBadge status={each.status} detail={each.statusDetail} />
              </td>
              <td>
                <Link href={`/executions/${encodeURIComponent(each.executionId)}`}>{each.workflowName}</Link>
              </td>
              <td>
                <Moment at={each.startedAt ?? each.createdAt} />
              </td>
              <td>
                <Duration
                  seconds={each.durationSeconds}
                  startedAt={each.startedAt}
                  isRunning={each.status === 'RUNNING'}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}
