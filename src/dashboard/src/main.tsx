import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app/App.tsx'
import { applyTheme } from './components/theme.ts'
import { loadLanguage } from './messages/language.ts'
import './styles/tokens.css'
import './styles/base.css'

const root = document.getElementById('root')
// eslint-disable-next-line no-restricted-syntax -- for developers
if (root === null) throw new Error('The page has no element #root.')
applyTheme()
await loadLanguage()
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
