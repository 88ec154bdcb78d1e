import { useLocation } from 'wouter'
import { navigate, useSearch } from 'wouter/use-browser-location'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import { Notice } from '../components/Notice.tsx'
import { Tabs } from '../components/Tabs.tsx'
import { useIcon } from '../components/useIcon.ts'
import { useShortcuts } from '../components/useShortcuts.ts'
import { useTitle } from '../components/useTitle.ts'
import { useWalk } from '../live/lastList.ts'
import { LIST_PATH } from '../model/paths.ts'
import { titleOfExecution } from '../model/titles.ts'
import { Comparison } from './Comparison.tsx'
import styles from './DetailPage.module.css'
import { ErrorBox } from './ErrorBox.tsx'
import { LogView } from './LogView.tsx'
import { Payloads } from './Payloads.tsx'
import { Steps } from './Steps.tsx'
import { Summary } from './Summary.tsx'
import { useExecutionDetail } from './useExecutionDetail.ts'

const TABS = { timeline: 'Timeline', logs: 'Logs', data: 'Input and result', compare: 'Compare' } as const

type Tab = keyof typeof TABS

/** The page of one execution: summary, timeline, logs, data, and a comparison with the last successful one. */
export default function DetailPage({ executionId }: { executionId: string }) {
  const { detail, snapshot } = useExecutionDetail(executionId)
  const [tab, setTab] = useTab()
  const [, navigate] = useLocation()
  const { execution, steps, state, error } = snapshot
  const walk = useWalk(executionId)
  useShortcuts({ j: () => walk(1), k: () => walk(-1) })
  useIcon(execution?.status ?? null)
  useTitle(execution && titleOfExecution(execution.workflowName, execution.status))

  if (execution === null) {
    if (state === 'missing') {
      return (
        <Notice
          kind="empty"
          title="Execution not found"
          action={<Button onClick={() => navigate(LIST_PATH)}>All executions</Button>}
        >
          It does not exist, or you do not have access to it.
        </Notice>
      )
    }
    if (error === null) return <Notice kind="loading" title="Loading …" />
    return (
      <Notice
        kind="error"
        title="The execution could not be loaded"
        action={<Button onClick={detail.retry}>Try again</Button>}
      >
        {error}
      </Notice>
    )
  }

  return (
    <div className={styles.page}>
      <Summary
        execution={execution}
        status={snapshot.status}
        behindSeconds={snapshot.behindSeconds}
        isRemoved={state === 'removed'}
      />
      {error !== null && <ErrorBanner onRetry={detail.retry}>{error}</ErrorBanner>}
      {execution.error !== null && <ErrorBox error={execution.error} stepId={execution.error.stepId} />}
      <Tabs label="Details of the execution" tabs={TABS} selected={tab} onSelect={setTab} panelClassName={styles.panel}>
        {tab === 'timeline' && (
          <Steps
            steps={steps}
            further={snapshot.furtherSteps}
            total={execution.progress.totalSteps}
            hasEnded={snapshot.status === null}
          />
        )}
        {tab === 'logs' && <LogView detail={detail} snapshot={snapshot} />}
        {tab === 'data' && <Payloads executionId={executionId} updatedAt={execution.updatedAt} />}
        {tab === 'compare' && <Comparison execution={execution} steps={steps} />}
      </Tabs>
    </div>
  )
}

function useTab(): [Tab, (tab: Tab) => void] {
  const parameters = new URLSearchParams(useSearch())
  const requested = parameters.get('tab') ?? ''
  const tab = Object.hasOwn(TABS, requested) ? (requested as Tab) : 'timeline'
  function setTab(next: Tab): void {
    if (next === 'timeline') parameters.delete('tab')
    else parameters.set('tab', next)
    navigate(parameters.size === 0 ? location.pathname : `?${parameters.toString()}`, { replace: true })
  }
  return [tab, setTab]
}
