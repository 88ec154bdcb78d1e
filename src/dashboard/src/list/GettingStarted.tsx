import { Notice } from '../components/Notice.tsx'
import styles from './ListPage.module.css'

/** What a first visitor of an empty database is told. */
export function GettingStarted() {
  return (
    <Notice kind="empty" title="No executions yet">
      <p>
        As soon as your workflow engine stores one that you may see, it appears here by itself. There are three ways to
        get there:
      </p>
      <ol className={styles.steps}>
        <li>
          <strong>Have a look first.</strong> Make up some executions that keep changing:
          <code>execution-monitor simulate</code>
        </li>
        <li>
          <strong>Load recorded runs</strong> of Nextflow, Pegasus, Makeflow and others, as WfFormat:
          <code>execution-monitor load run.json --user you</code>
        </li>
        <li>
          <strong>Connect your engine.</strong> It writes documents to the collection <em>workflow_executions</em>; the
          documentation lists their fields.
          <code>{'{ execution_id, tenant_id, user_id, workflow_name, status, created, updated }'}</code>
        </li>
      </ol>
    </Notice>
  )
}
