import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/App.tsx'
import { loadPageAt } from './app/pages.ts'
import { applyTheme } from './components/theme.ts'
import { loadLanguage } from './messages/language.ts'
import { isSignedIn } from './session/session.ts'
import './styles/tokens.css'
import './styles/base.css'

const root = document.getElementById('root')
// eslint-disable-next-line no-restricted-syntax -- for developers
if (root === null) throw new Error('The page has no element #root.')
applyTheme()
await loadLanguage()
// Most visits begin at a page, whose scripts come with those of the frame.
if (isSignedIn()) await loadPageAt(location.pathname, location.search)
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
