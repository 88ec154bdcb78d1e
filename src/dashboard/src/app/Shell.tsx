import type { ReactNode } from 'react'
import { Link, useRoute } from 'wouter'
import { readClaims } from '../model/token.ts'
import { Button } from '../parts/Button.tsx'
import { signOut, useSession } from '../session/session.ts'
import icon from './icon.svg'
import styles from './Shell.module.css'
import { chooseTheme, THEMES, useTheme } from './theme.ts'

/** What stands around every page: where one is, who one is, and the way elsewhere. */
export function Shell({ banner, children }: { banner: ReactNode; children: ReactNode }) {
  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        Skip to the content
      </a>
      <header className={styles.header}>
        <Link className={styles.brand} href="/">
          <img src={icon} width="20" height="20" alt="" />
          <span>Execution Monitor</span>
        </Link>
        <nav className={styles.nav} aria-label="Pages">
          <Tab href="/">Executions</Tab>
          <Tab href="/overview">Overview</Tab>
          <a className={styles.tab} href="/graphiql">
            GraphiQL
          </a>
        </nav>
        <div className={styles.end}>
          <ThemeChoice />
          <Account />
        </div>
      </header>
      <div>{banner}</div>
      <main id="main" className={styles.main} tabIndex={-1}>
        {children}
      </main>
    </div>
  )
}

function Tab({ href, children }: { href: string; children: string }) {
  const [isHere] = useRoute(href)
  return (
    <Link className={styles.tab} href={href} aria-current={isHere ? 'page' : undefined}>
      {children}
    </Link>
  )
}

function ThemeChoice() {
  const theme = useTheme()
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system'
  return (
    <Button kind="quiet" onClick={() => chooseTheme(next)} title={`Theme: ${theme}; change to ${next}`}>
      <span aria-hidden="true">{{ system: '◐', light: '☀', dark: '☾' }[theme]}</span>
      <span className="visually-hidden">Theme: {theme}</span>
    </Button>
  )
}

function Account() {
  const { token } = useSession()
  const claims = readClaims(token ?? '')
  return (
    <>
      <span className={styles.who}>
        {claims?.subject}
        {claims?.tenant !== null && <span className={styles.tenant}> {claims?.tenant}</span>}
      </span>
      <Button kind="quiet" onClick={() => signOut()}>
        Sign out
      </Button>
    </>
  )
}
