import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { applyTheme } from '../app/theme.ts'
import { Notice } from '../parts/Notice.tsx'
import '../styles/tokens.css'
import '../styles/base.css'

const root = document.getElementById('root')
if (root === null) throw new Error('The page has no root.')
applyTheme()
createRoot(root).render(
  <StrictMode>
    <Notice kind="empty" title="GraphiQL" />
  </StrictMode>,
)
