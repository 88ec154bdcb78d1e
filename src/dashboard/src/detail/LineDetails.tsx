import { Button } from '../components/Button.tsx'
import { Icon } from '../components/Icon.tsx'
import { messages } from '../messages/messages.ts'
import { stripEscapes } from '../model/ansi.ts'
import { formatUtc } from '../model/dates.ts'
import { formatOffset } from '../model/logTimes.ts'
import { drawnText } from '../model/logText.ts'
import { AnsiText } from './AnsiText.tsx'
import { CopyButton } from './CopyButton.tsx'
import { JsonView } from './JsonView.tsx'
import styles from './LineDetails.module.css'
import type { LogLine } from './operations.ts'
import type { Select } from './useSelection.ts'

interface LineDetailsProps {
  line: LogLine
  /** When the execution started, in milliseconds. */
  start: number
  select: Select
}

/** All that is known of the selected line. The address of the page is its link. */
export function LineDetails({ line, start, select }: LineDetailsProps) {
  const text = messages.detail.logs
  const at = Date.parse(line.at)
  const { levelName } = line
  return (
    <section className={styles.details} aria-label={text.details}>
      <header className={styles.head}>
        <h2>{text.details}</h2>
        <CopyButton name={text.copyLink} text={() => location.href} />
        <CopyButton name={text.copyMessage} text={() => stripEscapes(line.message)} />
        <Button
          kind="quiet"
          aria-label={messages.detail.close}
          title={messages.detail.close}
          onClick={() => select({ line: null })}
        >
          <Icon name="close" />
        </Button>
      </header>
      <p className={styles.facts}>
        <span>
          {formatUtc(at)} ({formatOffset(at - start)})
        </span>
        <span>{levelName === null || levelName === line.level ? line.level : `${line.level} (${levelName})`}</span>
        {line.stepId !== null && (
          <button type="button" onClick={() => select({ tab: 'timeline', step: line.stepId })}>
            {messages.detail.step.label(line.stepId)}
          </button>
        )}
      </p>
      <pre className={styles.message} tabIndex={0} dir="ltr">
        <AnsiText text={drawnText(line.message)} />
      </pre>
      {line.attributes !== null && (
        <>
          <h3>{text.attributes}</h3>
          <JsonView name={messages.detail.logs.attributes} value={line.attributes} />
        </>
      )}
    </section>
  )
}
