import { Notice } from '../components/Notice.tsx'
import styles from './ListPage.module.css'

/** The list of an empty database: how to get executions into it. */
export function GettingStarted() {
  return (
    <Notice kind="empty" title="No executions yet">
      <p>
        Executions appear here as soon as your workflow engine stores one that you may see. There are three ways to
        start:
      </p>
      <ol className={styles.steps}>
        <li>
          <strong>Try it out.</strong> Generate executions that keep changing:
          <code>execution-monitor simulate</code>
        </li>
        <li>
          <strong>Load recorded runs</strong> of Nextflow, Pegasus, Makeflow or others, in WfFormat:
          <code>execution-monitor load run.json --user you</code>
        </li>
        <li>
          <strong>Connect your engine.</strong> It writes documents to the collection <em>workflow_executions</em>. The
          documentation lists their fields.
          <code>{'{ execution_id, tenant_id, user_id, workflow_name, status, created, updated }'}</code>
        </li>
      </ol>
    </Notice>
  )
}
