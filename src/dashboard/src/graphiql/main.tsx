import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { applyTheme } from '../components/theme.ts'
import { Notice } from '../components/Notice.tsx'
import { useSession } from '../session/session.ts'
import '../styles/tokens.css'
import '../styles/base.css'
import styles from './Explorer.module.css'
import { Explorer } from './Explorer.tsx'

function Page() {
  return (
    <main className={styles.page}>
      <h1 className="visually-hidden">GraphiQL</h1>
      <Content />
    </main>
  )
}

function Content() {
  const { token } = useSession()
  if (token !== null) return <Explorer key={token} token={token} />
  return (
    <Notice kind="empty" title="You are not signed in" action={<a href="/">Sign in</a>}>
      GraphiQL uses the token of the dashboard.
    </Notice>
  )
}

const root = document.getElementById('root')
if (root === null) throw new Error('The page has no element #root.')
applyTheme()
createRoot(root).render(
  <StrictMode>
    <Page />
  </StrictMode>,
)
