import { lazy, Suspense } from 'react'
import { useLocation } from 'wouter'
import { Button } from '../components/Button.tsx'
import { ErrorBanner } from '../components/ErrorBanner.tsx'
import { Notice } from '../components/Notice.tsx'
import { Tabs } from '../components/Tabs.tsx'
import { useIcon } from '../components/useIcon.ts'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { LIST_PATH } from '../model/paths.ts'
import { titleOfExecution, titleOfPage } from '../model/titles.ts'
import styles from './DetailPage.module.css'
import { ErrorBox } from './ErrorBox.tsx'
import { LastSuccessComparison } from './LastSuccessComparison.tsx'
import { LogView } from './LogView.tsx'
import { Payloads } from './Payloads.tsx'
import { Steps } from './Steps.tsx'
import { Summary } from './Summary.tsx'
import { useExecutionDetail } from './useExecutionDetail.ts'
import { useNeighbours } from './useNeighbours.ts'
import { useSelection } from './useSelection.ts'

const GraphView = lazy(() => import('./GraphView.tsx'))

/** The page of one execution: summary, timeline, graph, logs, data, and a comparison with the last successful one. */
export default function DetailPage({ executionId }: { executionId: string }) {
  const { detail, snapshot } = useExecutionDetail(executionId)
  const [selection, select] = useSelection()
  const { tab } = selection
  const text = messages.detail
  const [, navigate] = useLocation()
  const { execution, steps, state, error } = snapshot
  const runs = useNeighbours(executionId, execution, tab)
  useIcon(execution?.status ?? null)
  const missing = state === 'missing' ? titleOfPage(messages.detail.missing.title) : null
  useTitle(execution === null ? missing : titleOfExecution(execution.workflowName, execution.status))

  if (execution === null) {
    if (state === 'missing') {
      return (
        <Notice
          kind="empty"
          isPage
          title={text.missing.title}
          action={<Button onClick={() => navigate(LIST_PATH)}>{text.missing.all}</Button>}
        >
          {text.missing.text}
        </Notice>
      )
    }
    if (error === null) return <Notice kind="loading" isPage title={text.loading} />
    return (
      <Notice
        kind="error"
        isPage
        title={text.notLoaded}
        action={<Button onClick={detail.retry}>{text.tryAgain}</Button>}
      >
        {error}
      </Notice>
    )
  }

  const hasEnded = snapshot.status === null
  const failedId = execution.error?.stepId ?? null
  const failedStep =
    failedId === null
      ? undefined
      : {
          name: steps.find((step) => step.stepId === failedId)?.name ?? failedId,
          onOpen: () => select({ tab: 'timeline', step: failedId, attempt: null }),
        }
  return (
    <div className={styles.page}>
      <Summary
        execution={execution}
        status={snapshot.status}
        behindSeconds={snapshot.behindSeconds}
        isRemoved={state === 'removed'}
        runs={runs}
      />
      {error !== null && <ErrorBanner onRetry={detail.retry}>{error}</ErrorBanner>}
      {execution.error !== null && <ErrorBox error={execution.error} step={failedStep} />}
      <Tabs
        label={text.tabsLabel}
        tabs={text.tabs}
        selected={tab}
        onSelect={(next) => select({ tab: next })}
        panelClassName={styles.panel}
      >
        {tab === 'timeline' && (
          <Steps
            steps={steps}
            further={snapshot.furtherSteps}
            total={execution.progress.totalSteps}
            hasEnded={hasEnded}
            selection={selection}
            select={select}
          />
        )}
        {tab === 'graph' && (
          <Suspense fallback={<Notice kind="loading" title={text.loading} />}>
            <GraphView steps={steps} hasEnded={hasEnded} selection={selection} select={select} />
          </Suspense>
        )}
        {tab === 'logs' && (
          <LogView execution={execution} detail={detail} snapshot={snapshot} selection={selection} select={select} />
        )}
        {tab === 'data' && <Payloads executionId={executionId} updatedAt={execution.updatedAt} />}
        {tab === 'compare' && <LastSuccessComparison execution={execution} />}
      </Tabs>
    </div>
  )
}
