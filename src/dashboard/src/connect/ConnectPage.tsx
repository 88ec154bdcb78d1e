import styles from '../components/records.module.css'
import { useTitle } from '../components/useTitle.ts'
import { messages } from '../messages/messages.ts'
import { titleOfPage } from '../model/titles.ts'
import { Connect } from './Connect.tsx'

/** The page that connects an engine. */
export default function ConnectPage() {
  const words = messages.connect
  useTitle(titleOfPage(words.title))
  return (
    <div className={styles.page}>
      <header>
        <h1>{words.title}</h1>
        <p className={styles.faint}>{words.hint}</p>
      </header>
      <Connect />
    </div>
  )
}
