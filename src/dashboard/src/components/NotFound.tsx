import { messages } from '../messages/messages.ts'
import { titleOfPage } from '../model/titles.ts'
import { Notice } from './Notice.tsx'
import { useTitle } from './useTitle.ts'

/** In place of a page whose address leads nowhere. */
export function NotFound() {
  useTitle(titleOfPage(messages.app.notFound))
  return <Notice kind="empty" isPage title={messages.app.notFound} />
}
