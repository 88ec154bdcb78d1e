import { Notice } from '../parts/Notice.tsx'

/** The executions in numbers. */
export default function OverviewPage() {
  return <Notice kind="empty" title="Overview" />
}
