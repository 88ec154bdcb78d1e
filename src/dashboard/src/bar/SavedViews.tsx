import { lazy } from 'react'
import { Icon } from '../components/Icon.tsx'
import { Popover } from '../components/Popover.tsx'
import { messages } from '../messages/messages.ts'

// Loaded when it is opened: few visits need it.
const SavedViewsPanel = lazy(() => import('./SavedViewsPanel.tsx'))

/** The button of the saved views: open, save, share and delete pages with their filters. */
export function SavedViews() {
  return (
    <Popover
      label={
        <>
          <Icon name="bookmark" />
          <span>{messages.views.title}</span>
        </>
      }
      name={messages.views.title}
      align="end"
    >
      {(close) => <SavedViewsPanel onClose={close} />}
    </Popover>
  )
}
