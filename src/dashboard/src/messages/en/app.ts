/** The frame of every page. */
export const app = {
  name: 'Execution Monitor',
  skip: 'Skip to content',
  pages: 'Pages',
  executions: 'Executions',
  shortcuts: 'Keyboard shortcuts',
  shortcutsTitle: 'Keyboard shortcuts (?)',
  theme: (theme: string) => `Theme: ${theme}`,
  switchTheme: (theme: string, next: string) => `Theme: ${theme}. Switch to ${next}`,
  themes: { system: 'system', light: 'light', dark: 'dark' },
  signOut: 'Sign out',
  signedOut: (reason: string) => `You were signed out: ${reason}`,
  loading: 'Loading …',
  notFound: 'Page not found',
  language: 'Language',
}
