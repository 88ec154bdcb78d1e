import { lazy, Suspense, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react'
import { Link, useLocation } from 'wouter'
import { usePathname, useSearch } from 'wouter/use-browser-location'
import { Button } from '../components/Button.tsx'
import { Icon } from '../components/Icon.tsx'
import { lazyPage } from '../components/lazyPage.ts'
import logo from '../components/logo.svg'
import { chooseTheme, THEMES, useTheme } from '../components/theme.ts'
import { PALETTE_KEYS, usePaletteKey } from '../components/usePaletteKey.ts'
import { useShortcuts } from '../components/useShortcuts.ts'
import { messages } from '../messages/messages.ts'
import { FAILURES_PATH, failuresPath, LIST_PATH, listPath, OVERVIEW_PATH, overviewPath } from '../model/paths.ts'
import { parseScope, printScope } from '../model/scope.ts'
import { readClaims } from '../model/token.ts'
import { readConfiguration } from '../session/configuration.ts'
import { signOut, useSession } from '../session/session.ts'
import styles from './Shell.module.css'
import { ShortcutsHelp } from './ShortcutsHelp.tsx'
import { UserMenu } from './UserMenu.tsx'

const Bell = lazy(() => import('../alerts/Bell.tsx'))
// Loaded when it is opened.
const CommandPalette = lazyPage(() => import('../palette/CommandPalette.tsx'))

/** The frame of every page: navigation, shortcuts, theme and account. */
export function Shell({ banner, children }: { banner: ReactNode; children: ReactNode }) {
  // Count the openings: a key that is pressed right after a dialog has closed opens another.
  const [help, setHelp] = useState(0)
  const [palette, setPalette] = useState(0)
  const hasGraphiQL = useGraphiQLServed()
  const [, navigate] = useLocation()
  const pathname = usePathname()
  const showHelp = (): void => setHelp((before) => before + 1)
  const showPalette = useCallback(() => setPalette((before) => before + 1), [])
  usePaletteKey(showPalette)
  useShortcuts({ 'g l': () => navigate(LIST_PATH), 'g o': () => navigate(overviewPath()), '?': showHelp })

  return (
    <div className={styles.shell}>
      <a className={styles.skip} href="#main">
        {messages.app.skip}
      </a>
      <header className={styles.header}>
        <Link className={styles.brand} href="/">
          <img src={logo} width="20" height="20" alt="" />
          <span>{messages.app.name}</span>
        </Link>
        <nav className={styles.nav} aria-label={messages.app.pages}>
          <ScopedLink pathOf={overviewPath} isCurrent={pathname === '/' || pathname === OVERVIEW_PATH}>
            {messages.app.overview}
          </ScopedLink>
          <ScopedLink pathOf={listPath} isCurrent={pathname === LIST_PATH}>
            {messages.app.executions}
          </ScopedLink>
          <ScopedLink pathOf={failuresPath} isCurrent={pathname === FAILURES_PATH}>
            {messages.app.failures}
          </ScopedLink>
          {hasGraphiQL && (
            <a className={styles.tab} href="/graphiql">
              {messages.app.graphiQL}
            </a>
          )}
        </nav>
        <div className={styles.end}>
          <Suspense>
            <Bell />
          </Suspense>
          <Button
            kind="quiet"
            onClick={showPalette}
            aria-label={messages.app.palette}
            title={messages.app.paletteTitle(PALETTE_KEYS.join('-'))}
          >
            <Icon name="search" />
          </Button>
          <Button
            kind="quiet"
            className={styles.shortcuts ?? ''}
            onClick={showHelp}
            aria-label={messages.app.shortcuts}
            title={messages.app.shortcutsTitle}
          >
            <Icon name="keyboard" />
          </Button>
          <ThemeChoice />
          <Account />
        </div>
      </header>
      <div>{banner}</div>
      {help > 0 && <ShortcutsHelp key={`help ${help}`} onClose={() => setHelp(0)} />}
      <Suspense>
        {palette > 0 && <CommandPalette key={`palette ${palette}`} onClose={() => setPalette(0)} onHelp={showHelp} />}
      </Suspense>
      <main id="main" className={styles.main} tabIndex={-1}>
        {children}
      </main>
    </div>
  )
}

/** Whether GraphiQL is served; false until that is known. */
function useGraphiQLServed(): boolean {
  const [isServed, setServed] = useState(false)
  useEffect(() => {
    readConfiguration()
      .then(({ graphiql }) => setServed(graphiql))
      .catch(() => undefined)
  }, [])
  return isServed
}

interface ScopedLinkProps {
  pathOf: (query: string) => string
  isCurrent: boolean
  children: string
}

/** A link to a page with the bar, which keeps the filter, the range of time and the zone of the page before. */
function ScopedLink({ pathOf, isCurrent, children }: ScopedLinkProps) {
  const search = useSearch()
  const query = useMemo(() => printScope(parseScope(search).scope), [search])
  return (
    <Link className={styles.tab} href={pathOf(query)} aria-current={isCurrent ? 'page' : undefined}>
      {children}
    </Link>
  )
}

const THEME_ICONS = { system: 'system', light: 'sun', dark: 'moon' } as const

function ThemeChoice() {
  const theme = useTheme()
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system'
  return (
    <Button
      kind="quiet"
      className={styles.theme ?? ''}
      onClick={() => chooseTheme(next)}
      title={messages.app.switchTheme(messages.app.themes[theme], messages.app.themes[next])}
    >
      <Icon name={THEME_ICONS[theme]} />
      <span className="visually-hidden">{messages.app.theme(messages.app.themes[theme])}</span>
    </Button>
  )
}

function Account() {
  const { token } = useSession()
  const claims = readClaims(token ?? '')
  return (
    <>
      {claims !== null && <UserMenu subject={claims.subject} tenant={claims.tenant} />}
      <Button kind="quiet" onClick={() => signOut()} aria-label={messages.app.signOut} title={messages.app.signOut}>
        <Icon name="signOut" />
      </Button>
    </>
  )
}
