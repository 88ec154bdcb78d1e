import { Notice } from '../parts/Notice.tsx'

/** One execution. */
export default function DetailPage({ executionId }: { executionId: string }) {
  return <Notice kind="empty" title={executionId} />
}
