import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { applyTheme } from '../components/theme.ts'
import { Notice } from '../components/Notice.tsx'
import { loadLanguage } from '../messages/language.ts'
import { messages } from '../messages/messages.ts'
import { useSession } from '../session/session.ts'
import '../styles/tokens.css'
import '../styles/base.css'
import styles from './Explorer.module.css'
import { Explorer } from './Explorer.tsx'

function Page() {
  return (
    <main className={styles.page}>
      <h1 className="visually-hidden">{messages.app.graphiQL}</h1>
      <Content />
    </main>
  )
}

function Content() {
  const { token } = useSession()
  if (token !== null) return <Explorer key={token} token={token} />
  return (
    <Notice kind="empty" title={messages.session.notSignedIn} action={<a href="/">{messages.session.signIn}</a>}>
      {messages.session.graphiQL}
    </Notice>
  )
}

const root = document.getElementById('root')
// eslint-disable-next-line no-restricted-syntax -- for developers
if (root === null) throw new Error('The page has no element #root.')
applyTheme()
await loadLanguage()
createRoot(root).render(
  <StrictMode>
    <Page />
  </StrictMode>,
)
